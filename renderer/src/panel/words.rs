//! Every word the panels show, in Chinese and English, in one list.

use crate::meeting::scheme::Ground;
use crate::scene::earthwork::Reference;

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

/// Tab of the meeting.
pub const MEETING: Word = Word("会审", "Review");
/// Measures a length.
pub const DISTANCE: Word = Word("测距", "Length");
/// Measures a height.
pub const HEIGHT_TOOL: Word = Word("测高", "Height");
/// Measures an area.
pub const AREA_TOOL: Word = Word("测面", "Area");
/// Pins a note.
pub const NOTE_TOOL: Word = Word("标注", "Note");
/// Puts measurements away.
pub const CLEAR: Word = Word("清除", "Clear");
/// Ends a line.
pub const FINISH: Word = Word("完成", "Done");
/// How to measure.
pub const MEASURE_HELP: Word =
    Word("单击取点，双击或回车结束，Esc 取消", "Click places; double click or Enter ends, Esc cancels");
/// How to pin a note.
pub const NOTE_HELP: Word = Word("单击要标注的位置", "Click the place of the note");
/// Horizontal length.
pub const HORIZONTAL: Word = Word("平距", "horizontal");
/// Length through the air.
pub const SLOPE: Word = Word("斜距", "slope");
/// Difference of heights.
pub const RISE: Word = Word("高差", "rise");
/// Area in the zone's plane.
pub const PLANE_AREA: Word = Word("平面面积", "plane");
/// Area on the ellipsoid.
pub const ELLIPSOIDAL_AREA: Word = Word("椭球面积", "ellipsoidal");
/// Who applies.
pub const APPLICANT: Word = Word("申请单位", "Applicant");
/// Planned use.
pub const LAND_USE: Word = Word("用地性质", "Land use");
/// Conflicts of the project.
pub const CONFLICTS: Word = Word("冲突与依据", "Conflicts");
/// The check found none.
pub const NO_CONFLICTS: Word = Word("检测未发现冲突", "The check found no conflict");
/// Nobody checked yet.
pub const NOT_CHECKED: Word = Word("尚未检测", "Not checked yet");
/// Schemes of the project.
pub const SCHEMES: Word = Word("设计方案", "Schemes");
/// Shows no scheme.
pub const NO_SCHEME: Word = Word("不显示", "None");
/// Two schemes beside each other.
pub const SIDE_BY_SIDE: Word = Word("并排", "Side by side");
/// Floors of a building.
pub const FLOORS: Word = Word("层", "floors");
/// Makes the measured area a building.
pub const BUILD_ON_AREA: Word = Word("以测面为基底新建体量", "Building on the measured area");
/// Bookmarks of the meeting.
pub const BOOKMARKS: Word = Word("书签", "Bookmarks");
/// One of them.
pub const BOOKMARK: Word = Word("书签", "Bookmark");
/// Adds what is seen.
pub const ADD: Word = Word("添加", "Add");
/// Notes of the meeting.
pub const NOTES: Word = Word("标注", "Notes");
/// A note the server does not have.
pub const NOT_POSTED: Word = Word("未上传", "not sent");
/// Sends a note or a scene.
pub const SEND: Word = Word("提交", "Send");
/// Sends schemes and bookmarks.
pub const SEND_SCENE: Word = Word("方案与书签存到服务", "Keep schemes and bookmarks on the server");
/// Puts away.
pub const CANCEL: Word = Word("取消", "Cancel");
/// What a note says.
pub const NOTE_TEXT: Word = Word("标注内容", "What the note says");
/// Opens a list to be changed.
pub const EDIT: Word = Word("编辑", "Edit");
/// Ends changing a list.
pub const LEAVE_EDITING: Word = Word("编辑完毕", "Close");
/// Makes an empty scheme.
pub const NEW_SCHEME: Word = Word("新建方案", "New scheme");
/// Makes the same scheme once more.
pub const COPY: Word = Word("复制", "Copy");
/// What something is called.
pub const NAME: Word = Word("名称", "Name");
/// Makes the whole red line a building.
pub const BUILD_ON_RED_LINE: Word = Word("以红线为基底新建体量", "Building on the red line");
/// How to give a building another footprint.
pub const BUILD_HELP: Word =
    Word("用“测面”画出基底，再点“以测面为基底新建体量”", "Measure an area, then make it a building");
/// Counts a building in metres.
pub const IN_METRES: Word = Word("按高度", "in metres");
/// Counts a building in floors.
pub const IN_FLOORS: Word = Word("按层数", "in floors");
/// Takes the last change back.
pub const TAKE_BACK: Word = Word("撤销", "Undo");
/// Lets a bookmark look at what is seen.
pub const LOOK_ANEW: Word = Word("取当前视点", "Use this view");
/// Reads the project once more.
pub const READ_ANEW: Word = Word("重新读取", "Read anew");
/// Saves a picture.
pub const PICTURE: Word = Word("出图", "Picture");
/// Saves a picture and sends it to the project.
pub const PICTURE_FOR_PROJECT: Word = Word("出图入报告", "Picture for the report");
/// The project has the picture.
pub const IN_PROJECT: Word = Word("已存入项目", "kept with the project");
/// The picture is on its way.
pub const SENDING: Word = Word("正在上传", "being sent");
/// Saves the meeting.
pub const SAVE: Word = Word("保存会议 .skv", "Save meeting .skv");
/// It was saved.
pub const SAVED: Word = Word("已保存", "Saved");
/// No server is asked.
pub const PACKED: Word = Word("离线包", "offline");
/// A building stands where no terrain is known.
pub const NO_TERRAIN: Word = Word("此处没有地形", "no terrain here");
/// Flies to the project.
pub const WHOLE_PROJECT: Word = Word("看项目", "Project");

/// Where one place is.
pub const POINT_TOOL: Word = Word("测点", "Point");
/// Volume above and below a polygon.
pub const VOLUME_TOOL: Word = Word("方量", "Volume");
/// Takes the last measurement away.
pub const DROP_LAST: Word = Word("撤销上一个", "Undo last");
/// Length on the ground.
pub const ALONG_GROUND: Word = Word("沿地面", "on the ground");
/// Area on the ground.
pub const SURFACE_AREA: Word = Word("地表面积", "on the ground");
/// Part of an area that has no ground.
pub const WITHOUT_GROUND: Word = Word("无地形面积", "without terrain");
/// Above a reference.
pub const ABOVE: Word = Word("挖方(以上)", "above");
/// Below a reference.
pub const BELOW: Word = Word("填方(以下)", "below");
/// Above less below.
pub const BALANCE: Word = Word("差", "balance");
/// What volumes count from.
pub const REFERENCE: Word = Word("方量基准", "Volumes from");
/// A level given in metres.
pub const LEVEL: Word = Word("指定高程", "a level");

/// What a volume counts from.
#[must_use]
pub fn reference(reference: Reference) -> Word {
    match reference {
        Reference::Corners => Word("边界拟合面", "plane of the corners"),
        Reference::LowestCorner => Word("边界最低点", "lowest corner"),
        Reference::Level(_) => LEVEL,
    }
}

/// Tab of what is asked of the ground.
pub const STUDIES: Word = Word("研判", "Studies");
/// Two epochs.
pub const TWO_EPOCHS: Word = Word("两期对比", "Two epochs");
/// The earlier epoch.
pub const BEFORE: Word = Word("前期", "Before");
/// The later epoch.
pub const AFTER: Word = Word("后期", "After");
/// Nothing is compared.
pub const NO_COMPARE: Word = Word("不对比", "Off");
/// One picture parted by a line.
pub const SWIPE: Word = Word("卷帘", "Swipe");
/// Beside each other.
pub const LINKED: Word = Word("分屏联动", "Side by side");
/// There is one date only.
pub const ONE_EPOCH: Word = Word("数据只有一期，无法对比", "The data have one date only: nothing to compare");
/// Change of height.
pub const DIFFERENCE: Word = Word("高差着色", "Change of height");
/// What its colours say.
pub const HEIGHT_CHANGE: Word = Word("两期高差", "Height, later less earlier");
/// A smaller change is not shown.
pub const LIMIT: Word = Word("检测限", "Detection limit");
/// From here on colours are strongest.
pub const STRONGEST: Word = Word("色带上限", "Strongest at");
/// The ground rose.
pub const ROSE: Word = Word("升高", "rose");
/// The ground sank.
pub const SANK: Word = Word("降低", "sank");
/// Needs an earlier epoch.
pub const NEEDS_BEFORE: Word = Word("先选前期", "Choose the earlier epoch first");
/// A section.
pub const SECTION: Word = Word("剖面", "Section");
/// Draws a section.
pub const DRAW_SECTION: Word = Word("画剖面线", "Draw a section");
/// Saves a section.
pub const SAVE_SECTION: Word = Word("存为 CSV", "Save as CSV");
/// Distance along a section.
pub const DISTANCE_ALONG: Word = Word("距离", "Distance");
/// What a section lost.
pub const SECTION_LOSS: Word = Word("损失", "loss");
/// What a section gained.
pub const SECTION_GAIN: Word = Word("堆积", "gain");
/// Water at a level.
pub const FLOOD: Word = Word("淹没", "Flood");
/// Picks where water comes from.
pub const FLOOD_FROM: Word = Word("点选水源", "From a place");
/// Everywhere below a level.
pub const FLOOD_HERE: Word = Word("视野中心全部", "All round the middle");
/// Only what is connected to the place chosen.
pub const CONNECTED: Word = Word("只淹与水源连通处", "Only what is connected");
/// Level of the water.
pub const WATER_LEVEL: Word = Word("水位", "Level");
/// How far round.
pub const RADIUS: Word = Word("范围半径", "Radius");
/// Under water.
pub const FLOODED_AREA: Word = Word("淹没面积", "Area");
/// Of the water.
pub const WATER_VOLUME: Word = Word("水量", "Volume");
/// Greatest depth.
pub const DEEPEST: Word = Word("最大水深", "Deepest");
/// Depth of water.
pub const DEPTH: Word = Word("水深", "Depth");
/// The water goes on.
pub const MORE_WATER: Word = Word(
    "水面到达范围边界或无数据处，其外未计",
    "The water reaches the border or a gap in the data; beyond nothing is counted",
);
/// The source lies over the water.
pub const DRY_SOURCE: Word =
    Word("水源点高于水位，未淹没", "The place chosen lies above the level: nothing is under water");
/// Nothing is under water.
pub const NO_WATER: Word = Word("该水位下无淹没", "Nothing is under water at this level");
/// Lines of sight and viewsheds.
pub const VIEWS: Word = Word("通视与可视域", "Views");
/// A line of sight.
pub const SIGHT_TOOL: Word = Word("通视线", "Line of sight");
/// What is seen from a place.
pub const VIEW_TOOL: Word = Word("可视域", "Viewshed");
/// Height of the eye.
pub const EYE_UP: Word = Word("眼高", "Eye");
/// Height of what is looked for.
pub const TARGET_UP: Word = Word("目标高", "Target");
/// It is seen.
pub const IS_SEEN: Word = Word("通视", "seen");
/// It is hidden.
pub const IS_HIDDEN: Word = Word("遮挡", "hidden");
/// Of the ground.
pub const SEEN: Word = Word("可见", "seen");
/// Of the ground.
pub const NOT_SEEN: Word = Word("不可见", "not seen");
/// A cut.
pub const CUT: Word = Word("裁剪", "Cut");
/// Cuts by a box.
pub const CUT_BOX: Word = Word("框选", "Box");
/// Cuts by a polygon.
pub const CUT_POLYGON: Word = Word("多边形", "Polygon");
/// The inside stays.
pub const KEEP_INSIDE: Word = Word("只看框内", "Keep the inside");
/// The outside stays.
pub const KEEP_OUTSIDE: Word = Word("挖去框内", "Take the inside out");
/// Only between two heights.
pub const BETWEEN_HEIGHTS: Word = Word("限制高程", "Between heights");
/// Takes a cut back.
pub const WHOLE_SCENE: Word = Word("取消裁剪", "Undo the cut");
/// No cut can be made of what was drawn.
pub const NO_CUT: Word = Word(
    "裁剪范围无效：至少三点、不超过 32 点、不自相交",
    "This cuts nothing: three to 32 corners whose edges do not cross",
);
/// Buildings by state.
pub const DAMAGE: Word = Word("建筑受损", "Buildings");
/// What became of buildings, by assessment.
pub const ASSESSMENT: Word = Word("灾情评估成果", "Assessments");
/// There is none.
pub const NO_ASSESSMENT: Word = Word("目录中没有评估成果", "The catalogue has none");
/// None is chosen.
pub const CHOOSE: Word = Word("请选择", "Choose one");
/// Asks for them anew.
pub const FIND: Word = Word("刷新", "Ask again");
/// How many buildings.
pub const BUILDINGS: Word = Word("栋", "");
/// Plays the moments one after the other.
pub const PLAY: Word = Word("▶ 播放", "▶ Play");
/// Stops that.
pub const PAUSE: Word = Word("暂停", "Pause");

/// Which ground a building's height counts from.
#[must_use]
pub fn ground(ground: Ground) -> Word {
    match ground {
        Ground::Highest => Word("最高地面起", "from the highest ground"),
        Ground::Lowest => Word("最低地面起", "from the lowest ground"),
        Ground::Mean => Word("平均地面起", "from the mean ground"),
    }
}

/// What a check came to.
#[must_use]
pub fn verdict(verdict: &str) -> Word {
    match verdict {
        "pass" => Word("通过", "pass"),
        "conditional" => Word("有条件", "conditional"),
        "fail" => Word("不通过", "fail"),
        "note" => Word("提示", "note"),
        "incomplete" => Word("检测不完整", "incomplete"),
        "not_checked" => Word("未检测", "not checked"),
        _ => Word("未定", "open"),
    }
}

/// Where a review stands, by the server's name for it.
const STATES: &[(&str, Word)] = &[
    ("registered", Word("已登记", "registered")),
    ("checked", Word("已检测", "checked")),
    ("consulting", Word("征求意见", "consulting")),
    ("supplementing", Word("补正", "supplementing")),
    ("summarised", Word("已汇总", "summarised")),
    ("meeting", Word("协调会", "meeting")),
    ("approved", Word("已生成", "approved")),
    ("returned", Word("已退回", "returned")),
    ("withdrawn", Word("已撤回", "withdrawn")),
];

/// A state for people; one that is not in the list is shown as it came.
#[must_use]
pub fn state(name: &str, language: Language) -> &str {
    STATES.iter().find(|(known, _)| *known == name).map_or(name, |(_, word)| word.text(language))
}

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
