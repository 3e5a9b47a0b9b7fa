//! What can go wrong in the viewer, said in Chinese and English: what failed, where, and what to do.

use std::path::PathBuf;

/// Every error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The address given is neither a URL nor an existing folder.
    #[error("不是网址也不是已有的文件夹 (neither a URL nor an existing folder): {given}")]
    Address {
        /// What was given.
        given: String,
    },
    /// The HTTP client could not be made.
    #[error("无法建立网络客户端 (the HTTP client could not be set up)")]
    Client {
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// A worker thread could not be started.
    #[error("无法启动加载线程 (a loading thread could not be started)")]
    Thread {
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// No answer from the server.
    #[error("无法连接服务 (no answer) {url}; 请检查地址与服务是否在运行 (check the address and that the server runs)")]
    Connect {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: reqwest::Error,
    },
    /// The answer broke off.
    #[error("传输中断 (the answer broke off) {url}")]
    Body {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answer is larger than the viewer accepts.
    #[error("内容过大 (the answer is larger than the viewer accepts) {url}")]
    TooLarge {
        /// What was asked for.
        url: String,
    },
    /// The server refused.
    #[error("服务返回 (the server answered) {status}: {url}")]
    Status {
        /// What was asked for.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server's JSON is not what the contract says.
    #[error("服务数据无法识别 (the server's JSON is not understood) {url}")]
    Json {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A link in the server's answer is not a URL.
    #[error("链接无效 (not a valid link): {link}")]
    Link {
        /// The link.
        link: String,
        /// Why.
        #[source]
        source: url::ParseError,
    },
    /// A tile could not be decoded.
    #[error("瓦片无法解码 (a tile could not be decoded) {url}: {reason}")]
    Tile {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A style could not be read.
    #[error("样式无法识别 (a style is not understood) {slug}: {reason}")]
    Style {
        /// The dataset it belongs to.
        slug: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An image tile could not be decoded.
    #[error("图像瓦片无法解码 (an image tile could not be decoded) {url}")]
    Image {
        /// What was asked for.
        url: String,
        /// Why.
        #[source]
        source: Box<image::ImageError>,
    },
    /// The server beside the viewer is missing.
    #[error(
        "找不到服务程序 (the server program is missing): {path}; 请把 shikong-server 放在同一文件夹 (put shikong-server beside the viewer)"
    )]
    ServerMissing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The server beside the viewer did not start.
    #[error("服务未能启动 (the server did not start): {path}")]
    ServerStart {
        /// The program.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The server started but said no address.
    #[error("服务没有给出地址 (the server printed no address); 它说 (it said): {said}")]
    ServerSilent {
        /// Its first line.
        said: String,
    },
    /// No graphics adapter, not even a software one.
    #[error("没有可用的图形设备 (no graphics adapter, Vulkan or GL); Debian/Ubuntu: apt install mesa-vulkan-drivers")]
    NoAdapter,
    /// The graphics device could not be opened.
    #[error("无法打开图形设备 (the graphics device could not be opened): {reason}")]
    Device {
        /// What the driver said.
        reason: String,
    },
    /// A rendered picture could not be read back.
    #[error("无法读回图像 (the rendered picture could not be read back): {reason}")]
    ReadBack {
        /// What the driver said.
        reason: String,
    },
    /// The window could not be made.
    #[error(
        "无法打开窗口 (the window could not be opened): {reason}; 没有显示器时请用 --headless (without a display use --headless)"
    )]
    Window {
        /// What the window system said.
        reason: String,
    },
    /// A file could not be written.
    #[error("无法写入 (could not be written): {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<image::ImageError>,
    },
    /// The wanted tiles did not all arrive in time.
    #[error("{seconds} 秒内未加载完 (not everything arrived within {seconds} s): 还剩 (left) {pending}")]
    Slow {
        /// How long was waited.
        seconds: u64,
        /// Loads still open.
        pending: usize,
    },
    /// A coordinate could not be converted.
    #[error("坐标无法转换 (a coordinate could not be converted)")]
    Coordinates {
        /// Why.
        #[source]
        source: geodesy::GeodesyError,
    },
}
