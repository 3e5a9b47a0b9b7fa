//! `shikong-view FOLDER`: starts the server that lies beside this program, and ends it with the viewer.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use url::Url;

use crate::error::ViewError;

/// A server of our own; it ends when this is dropped.
pub struct LocalServer {
    child: Child,
    /// Where it listens.
    pub url: Url,
}

impl LocalServer {
    /// Starts `program` on a data folder and a free port. It prints its address on its first line.
    pub fn start(program: &Path, data: &Path) -> Result<Self, ViewError> {
        if !program.is_file() {
            return Err(ViewError::ServerMissing { path: program.to_owned() });
        }
        let mut child = Command::new(program)
            .arg("--data")
            .arg(data)
            // Whoever may read the folder may look at it: without this the first start would make an account nobody is told of.
            .args(["--listen", "127.0.0.1:0", "--open"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|source| ViewError::ServerStart { path: program.to_owned(), source })?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            let mut reader = BufReader::new(output);
            reader
                .read_line(&mut line)
                .map_err(|source| ViewError::ServerStart { path: program.to_owned(), source })?;
            // A pipe nobody reads would stop the server when it is full.
            std::thread::spawn(move || std::io::copy(&mut reader, &mut std::io::sink()));
        }
        let said = line.trim().to_owned();
        let address = said
            .split_whitespace()
            .find_map(|word| Url::parse(word).ok().filter(|url| url.scheme().starts_with("http")));
        let mut server = Self {
            child,
            url: Url::parse("http://127.0.0.1/").map_err(|source| ViewError::Link { link: said.clone(), source })?,
        };
        server.url = address.ok_or(ViewError::ServerSilent { said })?;
        Ok(server)
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait().map(drop)) {
            tracing::warn!(%error, "the server did not end");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn the_address_is_read_from_the_first_line_and_the_server_ends_with_its_owner() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("shikong-server");
        std::fs::write(&program, "#!/bin/sh\necho \"listening on http://127.0.0.1:4567/\"\nexec sleep 60\n")
            .expect("written");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        let server = LocalServer::start(&program, folder.path()).expect("starts");
        assert_eq!(server.url.as_str(), "http://127.0.0.1:4567/");
        let process = std::path::PathBuf::from(format!("/proc/{}", server.child.id()));
        assert!(process.exists());
        drop(server);
        assert!(!process.exists());
    }

    #[test]
    fn a_missing_server_is_named() {
        let error = LocalServer::start(Path::new("/nowhere/shikong-server"), Path::new("/tmp")).err().expect("refused");
        assert!(error.to_string().contains("/nowhere/shikong-server"));
    }
}
