//! Every word the panels show, in Chinese and English, in one list.

/// The language of the panels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Language {
    /// Chinese.
    #[default]
    Zh,
    /// English.
    En,
}

impl Language {
    /// Whether it is Chinese.
    #[must_use]
    pub fn is_chinese(self) -> bool {
        self == Self::Zh
    }

    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Zh => Self::En,
            Self::En => Self::Zh,
        }
    }
}

/// A word or phrase of the panels: Chinese and English.
#[derive(Clone, Copy, Debug)]
pub struct Word(&'static str, &'static str);

impl Word {
    /// The text in a language.
    #[must_use]
    pub fn text(self, language: Language) -> &'static str {
        if language.is_chinese() { self.0 } else { self.1 }
    }
}

/// The product.
pub const PRODUCT: Word = Word("时空", "Shikong");
/// What the product is.
pub const SUBTITLE: Word = Word("时空信息云平台", "Spatio-temporal cloud");
/// Switches to the other language, so it is written in that one.
pub const SWITCH_LANGUAGE: Word = Word("English", "中文");
/// Heading of the layers.
pub const LAYERS: Word = Word("图层", "Layers");
/// Slider of opacity.
pub const OPACITY: Word = Word("不透明度", "Opacity");
/// Button that moves the camera to a layer.
pub const FLY_TO: Word = Word("定位", "Fly to");
/// Button that shows everything.
pub const WHOLE: Word = Word("全图", "Whole area");
/// Button that turns north up.
pub const NORTH_UP: Word = Word("正北", "North up");
/// Heading of the time slider.
pub const TIME: Word = Word("时间", "Time");
/// The present.
pub const NOW: Word = Word("现在", "Now");
/// Longitude.
pub const LONGITUDE: Word = Word("经度", "Lon");
/// Latitude.
pub const LATITUDE: Word = Word("纬度", "Lat");
/// Height.
pub const HEIGHT: Word = Word("高程", "Height");
/// Gauss-Kruger northing, which Chinese surveyors call X.
pub const NORTHING: Word = Word("X(北)", "N");
/// Gauss-Kruger easting, which Chinese surveyors call Y.
pub const EASTING: Word = Word("Y(东)", "E");
/// Gauss-Kruger zone.
pub const ZONE: Word = Word("3°带", "3° zone");
/// Height of the eye.
pub const EYE: Word = Word("视点高", "Eye");
/// Loads under way.
pub const LOADING: Word = Word("正在加载", "Loading");
/// Everything is loaded.
pub const LOADED: Word = Word("加载完成", "Loaded");
/// Loads that failed.
pub const FAILED: Word = Word("失败", "failed");
/// Heading of picked attributes.
pub const ATTRIBUTES: Word = Word("属性查询", "Attributes");
/// The pointer is on the sky.
pub const NO_GROUND: Word = Word("指针不在地面上", "Pointer is off the ground");
/// Nothing was found at the picked place.
pub const NOTHING_HERE: Word = Word("此处没有要素", "No feature here");
/// Attributes are being asked for.
pub const ASKING: Word = Word("正在查询…", "Asking…");
/// A live source, which has no dates.
pub const LIVE: Word = Word("实时", "live");
/// Layers have different height datums, or one nobody stated.
pub const MIXED_HEIGHTS: Word =
    Word("高程基准不一致或未知，按原值显示", "Height datums differ or are unknown; shown as delivered");
/// How to move.
pub const HELP: Word = Word(
    "左键平移 · 右键旋转 · 滚轮缩放 · 双击飞到 · 单击查询",
    "Drag: pan · right drag: orbit · wheel: zoom · double click: fly · click: query",
);

/// Height datums by the catalogue's name.
const HEIGHT_DATUMS: &[(&str, Word)] = &[
    ("ellipsoidal", Word("大地高", "ellipsoidal")),
    ("normal-1985", Word("1985国家高程基准", "1985 normal height")),
    ("egm96", Word("EGM96 正高", "EGM96 orthometric")),
    ("other", Word("其他高程基准", "other datum")),
];

/// A height datum for people; anything not in the list is unknown.
#[must_use]
pub fn height_datum(name: &str, language: Language) -> &'static str {
    let name = name.replace('_', "-").to_lowercase();
    let known = HEIGHT_DATUMS.iter().find(|(known, _)| *known == name || known.replace('-', "") == name);
    known.map_or(Word("高程基准未知", "unknown height datum"), |(_, word)| *word).text(language)
}
