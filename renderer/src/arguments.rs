//! The command line of `shikong-view`.

use std::path::PathBuf;

use clap::Parser;

use crate::gpu::Backend;
use crate::panel::Panels;
use crate::panel::words::Language;
use crate::scene::camera::Camera;

/// 时空桌面浏览器：地形、影像、实景模型、点云与规划图层同屏。
///
/// The desktop viewer of Shikong: terrain, imagery, meshes, point clouds and plan layers in one picture.
#[derive(Clone, Debug, Parser)]
#[command(name = "shikong-view", version)]
pub struct Arguments {
    /// 服务地址或数据文件夹 · a server's URL, or a data folder (then the server beside this program is started)
    pub address: String,
    /// 不开窗口，输出一张图 · no window, write one picture
    #[arg(long)]
    pub headless: bool,
    /// 经度,纬度,高,方位角,俯仰角 · lon,lat (degrees), height (m), heading (from north, clockwise), pitch (-90 looks down)
    #[arg(long, value_parser = parse_camera, allow_hyphen_values = true)]
    pub camera: Option<Camera>,
    /// 图像大小 · size of the picture or window
    #[arg(long, value_parser = parse_size, default_value = "1280x720")]
    pub size: Size,
    /// 输出的 PNG 文件 · the PNG to write
    #[arg(long, requires = "headless", default_value_if("headless", "true", "shot.png"))]
    pub out: Option<PathBuf>,
    /// 只显示这些图层（逗号分隔） · show only these datasets, by slug, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub layers: Option<Vec<String>>,
    /// 数据时间 · the moment the data are wanted for (RFC 3339 or a date)
    #[arg(long)]
    pub datetime: Option<String>,
    /// 界面语言 · language of the panels
    #[arg(long, value_enum, default_value_t)]
    pub lang: Language,
    /// 图中画哪些面板 · which panels to draw
    #[arg(long, value_enum, default_value_t)]
    pub panels: Panels,
    /// 图形接口 · graphics interface
    #[arg(long, value_enum, default_value_t)]
    pub backend: Backend,
    /// 界面放大倍数 · scale of the panels in a picture
    #[arg(long, default_value_t = 1.0, value_parser = parse_scale)]
    pub scale: f32,
    /// 场景内存上限（MiB） · memory the scene may hold
    #[arg(long, default_value_t = 512)]
    pub budget_mib: u64,
}

/// A width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub [u32; 2]);

fn parse_camera(text: &str) -> Result<Camera, String> {
    let numbers: Vec<f64> = text
        .split(',')
        .map(|part| part.trim().parse().map_err(|_error| format!("`{part}` 不是数 (is not a number)")))
        .collect::<Result<_, _>>()?;
    let [lon, lat, height_m, heading_deg, pitch_deg] = numbers[..] else {
        return Err("需要五个数 (five numbers are needed): lon,lat,height,heading,pitch".to_owned());
    };
    let sound = lon.abs() <= 360.0
        && lat.abs() <= 90.0
        && (-1e4..1e8).contains(&height_m)
        && heading_deg.is_finite()
        && (-90.0..=90.0).contains(&pitch_deg);
    if sound {
        Ok(Camera::new([lon, lat, height_m], heading_deg, pitch_deg))
    } else {
        Err("超出范围 (out of range)".to_owned())
    }
}

fn parse_size(text: &str) -> Result<Size, String> {
    let sides =
        text.split_once(['x', 'X', '×']).and_then(|(width, height)| Some([width.parse().ok()?, height.parse().ok()?]));
    match sides {
        Some(sides) if sides.iter().all(|side| (16..=8_192).contains(side)) => Ok(Size(sides)),
        _ => Err("写成 宽x高，每边 16 至 8192 (write WxH, each 16 to 8192)".to_owned()),
    }
}

fn parse_scale(text: &str) -> Result<f32, String> {
    text.parse().ok().filter(|scale| (0.5..=4.0).contains(scale)).ok_or_else(|| "0.5 至 4 (0.5 to 4)".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_of_the_manual_is_understood() {
        let line = "shikong-view http://127.0.0.1:8080 --headless --camera 109.74,28.31,1500,30,-45 --size 640x480 --out a.png --layers a,b --datetime 2024-01-01 --lang en";
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("understood");
        assert_eq!(arguments.camera, Some(Camera::new([109.74, 28.31, 1_500.0], 30.0, -45.0)));
        assert_eq!((arguments.size, arguments.layers), (Size([640, 480]), Some(vec!["a".to_owned(), "b".to_owned()])));
        Arguments::command().debug_assert();
    }

    #[test]
    fn nonsense_is_refused() {
        for wrong in
            ["--camera=1,2,3", "--camera=1,95,3,4,5", "--camera=a,b,c,d,e", "--size=9x9", "--size=big", "--scale=99"]
        {
            assert!(Arguments::try_parse_from(["shikong-view", "http://x", wrong]).is_err(), "{wrong}");
        }
    }
}
