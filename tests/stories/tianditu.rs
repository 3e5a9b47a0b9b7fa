//! A department registers a Tianditu layer and sees its tiles in both grids, from a loopback server that keeps Tianditu's manners: a key, a kind of client, refusals as JSON.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::programs::{Server, data_folder, program, run};

const KEY: &str = "0123456789abcdef0123456789abcdef";

/// Answers as the WMTS of Tianditu does (`/{layer}_{w|c}/wmts?…&tk=`); every tile is one colour that tells its address.
fn tianditu(asked: &Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::clone(asked);
    // The thread ends with the process: it waits for the next request until then.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            asked.fetch_add(1, Ordering::Relaxed);
            // A client that goes away mid-answer is its own affair.
            drop(answer(&stream));
        }
    });
    format!("http://{address}")
}

fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut agent = String::new();
    for line in lines {
        let line = line?;
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(": ")
            && name.eq_ignore_ascii_case("user-agent")
        {
            value.clone_into(&mut agent);
        }
    }
    let target = first.split(' ').nth(1).unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: BTreeMap<&str, &str> = query.split('&').filter_map(|part| part.split_once('=')).collect();
    let refusal = |code: u32, words: &str| {
        (
            "403 Forbidden",
            "application/json",
            format!(r#"{{"msg":"{words}","resolve":"请检查","code":{code}}}"#).into_bytes(),
        )
    };
    let grid = path.strip_prefix("/vec_").and_then(|rest| rest.strip_suffix("/wmts")).unwrap_or_default();
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<u8>().ok());
    let (status, kind, body) = if query.get("tk") != Some(&KEY) {
        refusal(1, "非法Key")
    } else if agent.is_empty() || agent.starts_with("Mozilla") {
        refusal(12, "权限类型错误")
    } else if query.get("TILEMATRIXSET") == Some(&grid)
        && query.get("LAYER") == Some(&"vec")
        && let (Some(z), Some(x), Some(y)) = (number("TileMatrix"), number("TileCol"), number("TileRow"))
    {
        let marked = if grid == "w" { 0 } else { 128 };
        let picture = image::RgbImage::from_pixel(256, 256, image::Rgb([z + marked, x, y]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Png).map_err(std::io::Error::other)?;
        ("200 OK", "image/png", bytes.into_inner())
    } else {
        ("400 Bad Request", "text/plain", Vec::new())
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

#[test]
fn a_tianditu_layer_is_registered_and_served_in_both_grids() {
    let folder = data_folder();
    let asked = Arc::new(AtomicUsize::new(0));
    let upstream = tianditu(&asked);
    let (code, out, err) = run(program("shikong-import")
        .args([
            "basemap",
            "vec",
            "--dataset",
            "tdt-vec",
            "--map-approval-number",
            "GS(2024)0568号",
            "--base-url",
            &upstream,
        ])
        .arg("--data")
        .arg(folder.path()));
    assert_eq!(code, 0, "{out}\n{err}");
    let server = Server::start_with(folder.path(), &[("SHIKONG_TIANDITU_KEY", KEY)]);
    let dataset = server.dataset("tdt-vec");
    assert_eq!((dataset["kind"].as_str(), dataset["live"].as_bool()), (Some("basemap"), Some(true)), "{dataset:#}");
    let told: Value = server.json("/tiles/tdt-vec");
    assert!(told["attribution"].as_str().is_some_and(|words| words.contains("GS(2024)0568号")), "{told:#}");
    assert!(!format!("{dataset}{told}").contains(KEY), "the key is nobody's business");
    for (path, colour) in [("/tiles/tdt-vec/3/6/3.png", [3, 6, 3]), ("/tiles/tdt-vec/c/3/6/1.png", [131, 6, 1])] {
        for _again in 0..2 {
            let (status, kind, body) = server.get(path);
            assert_eq!((status, &*kind), (200, "image/png"), "{path}: {}", String::from_utf8_lossy(&body));
            let picture = image::load_from_memory(&body).expect("a picture").to_rgb8();
            assert_eq!(picture.get_pixel(128, 128).0, colour, "{path}");
        }
    }
    assert_eq!(asked.load(Ordering::Relaxed), 2, "each tile is asked for once and kept");

    let stranger = Server::start_with(folder.path(), &[("SHIKONG_TIANDITU_KEY", "ffffffffffffffffffffffffffffffff")]);
    let (status, kind, body) = stranger.get("/tiles/tdt-vec/4/6/3.png");
    assert_eq!((status, &*kind), (502, "application/problem+json"));
    let words = String::from_utf8_lossy(&body);
    assert!(words.contains("密钥"), "what is wrong is said: {words}");
}
