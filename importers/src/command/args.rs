//! The arguments of `shikong-import`, with help in both languages.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use importers::importer::Options;

/// 测绘与规划成果入库 · brings surveys and plans into the catalogue.
#[derive(Debug, Parser)]
#[command(
    name = "shikong-import",
    version,
    arg_required_else_help = true,
    after_help = "退出码 exit codes: 0 已发布 published · 2 调用有误 wrong call · 3 已发布但有警告 published with warnings · 4 已拒绝 refused · 5 失败 failed"
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// 查看文件或成果目录,不写任何内容 · say what a file or folder is; writes nothing
    Inspect(Box<InspectArgs>),
    /// 转换并发布为新的一期 · convert and publish as a new revision
    Add(Box<AddArgs>),
    /// 登记天地图在线底图 · register a layer of Tianditu as a live basemap
    Basemap(BasemapArgs),
    /// 撤回一期数据,并列出曾以它为依据的项目 · withdraw a revision, and say which projects relied on it
    Withdraw(WithdrawArgs),
    /// 读取项目红线,以 JSON 输出 · read the outline of a project and print it as JSON
    Outline(OutlineArgs),
    /// 把图斑写成 `GeoPackage` 或 GBK shapefile · write patches as a `GeoPackage` or a GBK shapefile
    Export(ExportArgs),
    /// The limited copy of this program; not for people.
    #[command(name = super::WORKER, hide = true)]
    Worker,
}

/// Arguments of `inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// 文件或目录 · file or folder
    pub(crate) path: PathBuf,
    /// 以 JSON 输出 · print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// 文件或整个成果目录 · file, or a whole delivery folder
    pub(crate) path: PathBuf,
    /// 数据集标识(小写字母、数字、连字符);整个目录时为前缀 · slug of the dataset; a prefix for a folder of several
    #[arg(long, value_name = "SLUG")]
    pub(crate) dataset: String,
    /// 目录数据所在文件夹 · folder of the catalogue
    #[arg(long, value_name = "DIR", env = "SHIKONG_DATA")]
    pub(crate) data: PathBuf,
    /// 标题 · title
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// 英文标题 · English title
    #[arg(long)]
    pub(crate) title_en: Option<String>,
    /// 说明 · a sentence or two
    #[arg(long)]
    pub(crate) description: Option<String>,
    /// 成果类型,不符时拒绝 · kind it must be: imagery | elevation | point-cloud | mesh | features
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// 现势日期(起) · when the ground or the law looked like that: 2024, 2024-05, 2024-05-01
    #[arg(long, value_name = "DATE")]
    pub(crate) valid_from: Option<String>,
    /// 现势日期(止,不含) · end of validity, exclusive
    #[arg(long, value_name = "DATE")]
    pub(crate) valid_to: Option<String>,
    /// 责任单位 · responsible unit
    #[arg(long, visible_alias = "department")]
    pub(crate) responsible_unit: Option<String>,
    /// 密级:公开、内部、秘密、机密、绝密 · public | internal | secret | highly-secret | top-secret
    #[arg(long)]
    pub(crate) classification: Option<String>,
    /// 更新周期 · update cycle
    #[arg(long)]
    pub(crate) update_cycle: Option<String>,
    /// 数据来源 · source
    #[arg(long)]
    pub(crate) source: Option<String>,
    /// 联系方式 · contact
    #[arg(long)]
    pub(crate) contact: Option<String>,
    /// 许可 · licence or terms of use
    #[arg(long)]
    pub(crate) licence: Option<String>,
    /// 审图号 · map approval number
    #[arg(long)]
    pub(crate) map_approval_number: Option<String>,
    /// 操作员 · who runs the import
    #[arg(long, env = "USER")]
    pub(crate) operator: Option<String>,
    /// 以 JSON 输出报告 · print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) reading: ReadingArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `withdraw`.
#[derive(Debug, Args)]
pub(crate) struct WithdrawArgs {
    /// 哪一期:数据集@版本 · which: dataset@revision
    #[arg(value_name = "DATASET@REVISION")]
    pub(crate) revision: String,
    /// 撤回原因,会显示在有关项目上 · why; shown with the projects concerned
    #[arg(long)]
    pub(crate) reason: String,
    /// 目录数据所在文件夹 · folder of the catalogue
    #[arg(long, value_name = "DIR", env = "SHIKONG_DATA")]
    pub(crate) data: PathBuf,
    /// 操作员 · who withdraws it
    #[arg(long, env = "USER")]
    pub(crate) operator: Option<String>,
    /// 以 JSON 输出报告 · print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `outline`.
#[derive(Debug, Args)]
pub(crate) struct OutlineArgs {
    /// 文件:shapefile 或其 ZIP、`GeoPackage`、DXF、GeoJSON、KML · file, or a ZIP with one
    pub(crate) path: PathBuf,
    /// 坐标系(EPSG 代码、WKT 或 PROJ 字符串),优先于文件 · CRS; wins over the file
    #[arg(long)]
    pub(crate) crs: Option<String>,
    /// 图层 · layer of a container
    #[arg(long)]
    pub(crate) layer: Option<String>,
    /// 属性文字编码 · encoding of attribute text: gbk, utf-8, …
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// 文件中 X、Y 对调 · x and y are exchanged in the file
    #[arg(long)]
    pub(crate) swap_axes: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// 图斑,GeoJSON,坐标为 --crs 的数值 · patches, `GeoJSON` in the numbers of --crs
    #[arg(long, value_name = "FILE.geojson")]
    pub(crate) input: PathBuf,
    /// 坐标系 · CRS of the numbers
    #[arg(long)]
    pub(crate) crs: String,
    /// 格式 · what to write; shapefile-gbk is a ZIP
    #[arg(long, value_parser = ["gpkg", "shapefile-gbk"])]
    pub(crate) format: String,
    /// 输出文件 · where to
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Arguments of `basemap`.
#[derive(Debug, Args)]
pub(crate) struct BasemapArgs {
    /// 天地图图层 · layer of Tianditu: vec | cva | img | cia | ter | cta
    pub(crate) layer: String,
    /// 数据集标识 · slug of the dataset
    #[arg(long, value_name = "SLUG")]
    pub(crate) dataset: String,
    /// 目录数据所在文件夹 · folder of the catalogue
    #[arg(long, value_name = "DIR", env = "SHIKONG_DATA")]
    pub(crate) data: PathBuf,
    /// 标题 · title
    #[arg(long)]
    pub(crate) title: Option<String>,
    /// 服务地址 · scheme and host; {s} stands for 0 to 7
    #[arg(long)]
    pub(crate) base_url: Option<String>,
    /// 每日请求上限 · requests allowed a day
    #[arg(long)]
    pub(crate) daily_budget: Option<u32>,
    /// 该服务的审图号 · the service's own map approval number
    #[arg(long)]
    pub(crate) map_approval_number: Option<String>,
    /// 显示范围 · area shown: west,south,east,north in degrees
    #[arg(long, value_delimiter = ',', num_args = 4, allow_hyphen_values = true)]
    pub(crate) bounds: Option<Vec<f64>>,
    /// 以 JSON 输出报告 · print the report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// How to read what was delivered, where it doesn't say or says it wrong.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "读取 · reading")]
pub(crate) struct ReadingArgs {
    /// 坐标系(EPSG 代码、WKT 或 PROJ 字符串),优先于文件 · CRS; wins over the file
    #[arg(long)]
    pub(crate) crs: Option<String>,
    /// 模型原点 · origin of a model without metadata: x,y[,z] in the CRS
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true)]
    pub(crate) origin: Option<Vec<f64>>,
    /// 高程基准 · ellipsoidal | `normal_1985` | egm96 | unknown | any other name
    #[arg(long)]
    pub(crate) height_datum: Option<String>,
    /// 高程改正(米):椭球高 = 交付高程 + 改正 · ellipsoidal height = delivered height + offset, metres
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) height_offset: Option<f64>,
    /// 高程单位 · unit of heights
    #[arg(long, value_parser = ["m", "ft", "us-ft"])]
    pub(crate) height_unit: Option<String>,
    /// 属性文字编码 · encoding of attribute text: gbk, utf-8, …
    #[arg(long)]
    pub(crate) encoding: Option<String>,
    /// 图层 · layer of a container
    #[arg(long)]
    pub(crate) layer: Option<String>,
    /// DXF 的闭合多段线作为面 · closed polylines of a DXF become polygons
    #[arg(long)]
    pub(crate) closed_as_polygons: bool,
    /// 基准转换参数文件(不会写入日志) · file of datum parameters; never logged
    #[arg(long, value_name = "FILE")]
    pub(crate) datum_parameters: Option<PathBuf>,
    /// 坐标为 GCJ-02(火星坐标) · the coordinates are GCJ-02
    #[arg(long)]
    pub gcj02: bool,
    /// 文件中 X、Y 对调 · x and y are exchanged in the file
    #[arg(long)]
    pub(crate) swap_axes: bool,
    /// 用地代码体系 · code system of the land-use field: sandiao | landuse-2023 | …
    #[arg(long)]
    pub(crate) code_system: Option<String>,
    /// 用地代码字段 · field of land-use codes
    #[arg(long)]
    pub(crate) code_field: Option<String>,
    /// 样式 · id of a style in styles/
    #[arg(long)]
    pub(crate) style: Option<String>,
    /// 不公开的字段,可重复:瓦片、要素接口和分析都不给出 · a field that neither tiles, features nor analyses show, repeatable
    #[arg(long = "private-field", value_name = "FIELD")]
    pub(crate) private_fields: Vec<String>,
    /// 同时保留原始文件 · publish the delivered file beside the asset
    #[arg(long)]
    pub(crate) keep_original: bool,
    /// 指定导入器 · importer to use
    #[arg(long = "as", value_name = "IMPORTER")]
    pub(crate) importer: Option<String>,
}

impl ReadingArgs {
    /// As the importers take it.
    pub(crate) fn options(&self) -> Options {
        Options {
            crs: self.crs.clone(),
            origin: self.origin.clone(),
            height_datum: self.height_datum.clone(),
            height_offset_m: self.height_offset,
            height_unit: self.height_unit.clone(),
            encoding: self.encoding.clone(),
            layer: self.layer.clone(),
            closed_as_polygons: self.closed_as_polygons,
            datum_parameters: self.datum_parameters.as_deref().map(super::absolute),
            gcj02: self.gcj02,
            swap_axes: self.swap_axes,
            code_system: self.code_system.clone(),
            code_field: self.code_field.clone(),
            style: self.style.clone(),
            private_fields: self.private_fields.clone(),
            keep_original: self.keep_original,
        }
    }
}

/// Limits of the conversion process.
#[expect(clippy::struct_field_names, reason = "a field's name is the name of its flag")]
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "限制 · limits")]
pub(crate) struct LimitArgs {
    /// CPU 秒 · CPU seconds a unit may use
    #[arg(long, value_name = "SECONDS")]
    pub(crate) cpu_limit: Option<u64>,
    /// 时间 · seconds a unit may take
    #[arg(long, value_name = "SECONDS")]
    pub(crate) time_limit: Option<u64>,
    /// 内存 MiB · memory a unit may use
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u64).range(64..=16_777_216))]
    pub(crate) memory_limit: Option<u64>,
}
