//! The command line of `shikong-view`.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

use crate::gpu::Backend;
use crate::panel::Panels;
use crate::panel::words::Language;
use crate::scene::camera::Camera;

/// 时空桌面浏览器：地形、影像、实景模型、点云与规划图层同屏。
///
/// The desktop viewer of Shikong: terrain, imagery, meshes, point clouds and plan layers in one picture.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "shikong-view",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "登录 · log-in: 环境变量 SHIKONG_USER 与 SHIKONG_PASSWORD；一次性密码须先在网页中修改 (environment variables; a one-time password is changed in the web page first)"
)]
pub struct Arguments {
    /// 另外的命令 · other commands
    #[command(subcommand)]
    pub command: Option<Command>,
    /// 服务地址、数据文件夹或会议文件 · a server's URL, a data folder (then the server beside this program is started), or a saved meeting (.skv)
    #[arg(required = true)]
    pub address: Option<String>,
    /// 打开审查项目（代码、名称或编号） · open a project under review, by code, name or id
    #[arg(long)]
    pub project: Option<String>,
    /// 按脚本出图，不开窗口 · follow a script of steps and write its pictures, no window
    #[arg(long, conflicts_with_all = ["headless", "camera"])]
    pub script: Option<PathBuf>,
    /// 脚本的图存到哪个文件夹 · the folder of a script's pictures
    #[arg(long, requires = "script", default_value_if("script", clap::builder::ArgPredicate::IsPresent, "."))]
    pub out_dir: Option<PathBuf>,
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

/// Commands beside showing.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// 把会议打包成文件夹，离线可开 · pack a meeting into a folder that opens without a server
    Pack {
        /// 会议文件 · the saved meeting (.skv)
        meeting: PathBuf,
        /// 新文件夹 · the folder to make
        #[arg(long)]
        out: PathBuf,
        /// 项目四周多少米 · metres round the project whose finest data are taken along
        #[arg(long, default_value_t = 600.0, value_parser = parse_margin)]
        margin: f64,
    },
}

fn parse_margin(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|metres| (0.0..=20_000.0).contains(metres))
        .ok_or_else(|| "0 至 20000 米 (0 to 20000 m)".to_owned())
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
        let line = "shikong-view http://127.0.0.1:8080 --project 样例工业园 --script steps.json";
        let arguments = Arguments::try_parse_from(line.split(' ')).expect("understood");
        assert_eq!(arguments.project.as_deref(), Some("样例工业园"));
        assert_eq!(arguments.out_dir, Some(PathBuf::from(".")));
        let packing =
            Arguments::try_parse_from(["shikong-view", "pack", "会审.skv", "--out", "盘"]).expect("understood");
        let Some(Command::Pack { meeting, out, margin }) = packing.command else { panic!("a command") };
        assert_eq!((meeting, out, margin), (PathBuf::from("会审.skv"), PathBuf::from("盘"), 600.0));
        assert!(Arguments::try_parse_from(["shikong-view"]).is_err());
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
