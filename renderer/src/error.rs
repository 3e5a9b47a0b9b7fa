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
    /// Signing in failed.
    #[error(
        "登录失败 (signing in failed): {name}（HTTP {status}）{detail}; 请检查 SHIKONG_USER 与 SHIKONG_PASSWORD (check both)"
    )]
    SignIn {
        /// The account.
        name: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// A one-time password opens nothing but its own change.
    #[error(
        "{name} 用的是一次性密码：请先在网页登录并改密码 (this is a one-time password: log in to the web page and change it first)"
    )]
    OneTimePassword {
        /// The account.
        name: String,
    },
    /// The server refused what was sent.
    #[error("服务拒绝 (the server refused, HTTP {status}): {detail} {url}")]
    Refused {
        /// Where it was sent.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What the server said.
        detail: String,
    },
    /// The server wants to know who asks.
    #[error(
        "需要登录 (sign-in needed): {url}; 请设置环境变量 SHIKONG_USER 与 SHIKONG_PASSWORD (set both environment variables)"
    )]
    SignInNeeded {
        /// What was asked for.
        url: String,
    },
    /// No project of that name.
    #[error(
        "服务上没有这个项目 (the server has no such project): {wanted}; 请用项目代码、名称或编号 (use its code, name or id) {nearest}"
    )]
    NoProject {
        /// What was asked for.
        wanted: String,
        /// Projects there are, for people.
        nearest: String,
    },
    /// The server holds no review projects at all.
    #[error(
        "该服务没有项目审查功能，可能版本较旧 (this server offers no project review, perhaps an older version): {url}"
    )]
    NoReview {
        /// What was asked for.
        url: String,
    },
    /// A document of a project is not understood.
    #[error("项目数据无法识别 (the project's data are not understood): {reason}")]
    Meeting {
        /// Which and why.
        reason: String,
    },
    /// A meeting, script or packed list could not be read.
    #[error("文件无法识别 (the file is not understood) {path}: {reason}")]
    MeetingFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file could not be read or written.
    #[error("无法读写 (could not be read or written): {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A packed folder does not hold this.
    #[error("离线包中没有 (not in the packed folder): {url}")]
    NotPacked {
        /// What was asked for.
        url: String,
    },
    /// A folder to pack into holds something already.
    #[error("文件夹不是空的 (the folder is not empty): {path}; 请另选一个 (choose another)")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// What a packed folder would hold is too much.
    #[error(
        "范围过大 (the area is too large): {what}; 请减小 --margin 或图层 (use a smaller --margin or fewer layers)"
    )]
    TooMuch {
        /// How much it would be.
        what: String,
    },
    /// A step of a script cannot be done.
    #[error("脚本第 {step} 步 (step of the script): {reason}")]
    Step {
        /// Counted from 1.
        step: usize,
        /// Why not.
        reason: String,
    },
    /// The edges of a polygon cross.
    #[error("多边形自相交，请重新画 (the polygon crosses itself; please draw it anew)")]
    CrossesItself,
    /// What an analysis found of buildings cannot be shown.
    #[error("无法显示任务的建筑状态 (the buildings' states of this job cannot be shown) {job}: {reason}")]
    Damage {
        /// The job.
        job: String,
        /// Why not.
        reason: String,
    },
    /// More features than can be drawn.
    #[error("要素超过 {most} 个，无法显示 (there are more features than can be drawn): {url}")]
    TooManyFeatures {
        /// Where from.
        url: String,
        /// How many can be.
        most: usize,
    },
    /// A coordinate could not be converted.
    #[error("坐标无法转换 (a coordinate could not be converted)")]
    Coordinates {
        /// Why.
        #[source]
        source: geodesy::GeodesyError,
    },
}
