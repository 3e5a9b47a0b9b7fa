// What the page says, Chinese first. Every word a person sees is here, so that no English is left in a Chinese page.

const WORDS = {
  subtitle: ['县域时空信息云平台', 'Spatio-temporal information cloud'],
  terrain3d: ['三维地形', '3D terrain'],
  addresses: ['服务地址', 'Service addresses'],
  layers: ['图层', 'Layers'],
  filter: ['筛选图层…', 'Filter layers…'],
  legend: ['图例', 'Legend'],
  identify: ['查询结果', 'Identify'],
  showing: ['显示时点', 'Shown as of'],
  latest: ['最新', 'latest'],
  nothingHere: ['这里没有要素', 'Nothing here'],
  noLayers: ['还没有数据。用 shikong-import add 导入第一份成果。', 'No data yet. Bring the first delivery in with shikong-import add.'],
  noLegend: ['打开图层后在此显示图例', 'Switch a layer on to see its legend'],
  zoomTo: ['缩放到图层', 'Zoom to layer'],
  opacity: ['不透明度', 'Opacity'],
  validFrom: ['现势日期', 'Valid from'],
  revision: ['版本', 'Revision'],
  unit: ['责任单位', 'Responsible unit'],
  mapNumber: ['审图号', 'Map approval number'],
  live: ['实时', 'live'],
  position: ['位置', 'Position'],
  copy: ['复制', 'Copy'],
  copied: ['已复制', 'Copied'],
  copyCommand: ['复制桌面三维命令', 'Viewer command'],
  copyTileset: ['复制 3D Tiles 地址', '3D Tiles URL'],
  viewerCommand: ['桌面三维命令', 'Viewer command'],
  height_ellipsoidal: ['大地高', 'ellipsoidal'],
  height_normal_1985: ['1985 国家高程基准', '1985 national height datum'],
  height_egm96: ['EGM96', 'EGM96'],
  height_other: ['其他高程基准', 'another height datum'],
  height_unknown: ['高程基准未知', 'height datum unknown'],
  tilejson: ['TileJSON', 'TileJSON'],
  tilesW: ['切片（球面墨卡托 w）', 'Tiles (Web Mercator, w)'],
  tilesC: ['切片（CGCS2000 经纬度 c）', 'Tiles (CGCS2000, c)'],
  terrainTiles: ['地形切片（Terrarium）', 'Terrain tiles (Terrarium)'],
  terrainMapbox: ['地形切片（Mapbox）', 'Terrain tiles (Mapbox)'],
  tileset: ['3D Tiles', '3D Tiles'],
  features: ['要素（GeoJSON）', 'Features (GeoJSON)'],
  style: ['样式', 'Style'],
  failed: ['无法读取', 'Could not read'],
  basemap: ['底图', 'Basemaps'],
  imagery: ['影像', 'Imagery'],
  elevationKind: ['地形', 'Terrain'],
  featuresKind: ['规划与专题图层', 'Plan and thematic layers'],
  mesh: ['实景三维模型', 'Oblique models'],
  pointCloud: ['点云', 'Point clouds'],
  observations: ['监测', 'Observations'],
  other: ['其他', 'Other'],
  hillshade: ['晕渲', 'Hillshade'],
};

const query = new URLSearchParams(location.search);
let language = query.get('lang') === 'en' || (!query.has('lang') && stored('lang') === 'en') ? 1 : 0;

function stored(key) {
  try { return localStorage.getItem('shikong.' + key); } catch { return null; }
}

export const isChinese = () => language === 0;

export function say(key) {
  const words = WORDS[key];
  return words ? words[language] : key;
}

/** A dataset's title in the page's language. */
export function titleOf(dataset) {
  return (isChinese() ? dataset.title : dataset.title_en || dataset.title) || dataset.slug;
}

export function switchLanguage() {
  language = 1 - language;
  try { localStorage.setItem('shikong.lang', language ? 'en' : 'zh'); } catch { /* a browser without storage forgets the choice */ }
}

/** Writes the words of the fixed parts of the page. */
export function writeFixedWords() {
  document.documentElement.lang = isChinese() ? 'zh-CN' : 'en';
  for (const element of document.querySelectorAll('[data-say]')) element.textContent = say(element.dataset.say);
  for (const element of document.querySelectorAll('[data-say-placeholder]')) element.placeholder = say(element.dataset.sayPlaceholder);
  const button = document.getElementById('language-button');
  button.textContent = isChinese() ? 'English' : '中文';
  button.lang = isChinese() ? 'en' : 'zh-CN';
}
