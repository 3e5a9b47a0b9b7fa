//! Live sources: basemaps that are proxied and never dated. They hold configuration only, never a key.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a live dataset comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum LiveSource {
    /// A layer of the national basemap service Tianditu (天地图).
    Tianditu(TiandituSource),
}

/// How to reach one Tianditu layer. The key (tk) is the server's secret and is not kept here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TiandituSource {
    /// The layer.
    pub layer: TiandituLayer,
    /// Scheme and host, e.g. `https://t{s}.tianditu.gov.cn`; `{s}` stands for 0 to 7.
    pub base_url: String,
    /// Requests allowed per day (personal keys: 10,000 per tile kind).
    pub daily_budget: u32,
    /// First level; the service has no level 0.
    pub min_zoom: u8,
    /// Last level.
    pub max_zoom: u8,
    /// The service's own map approval number (审图号), shown wherever the layer is.
    pub map_approval_number: Option<String>,
    /// Area shown, `[west, south, east, north]` in degrees.
    pub bounds_lon_lat_deg: [f64; 4],
}

impl TiandituSource {
    /// The public service with the budget of a personal key.
    pub fn public(layer: TiandituLayer) -> Self {
        Self {
            layer,
            base_url: "https://t{s}.tianditu.gov.cn".to_owned(),
            daily_budget: 10_000,
            min_zoom: 1,
            max_zoom: 18,
            map_approval_number: None,
            bounds_lon_lat_deg: [-180.0, -90.0, 180.0, 90.0],
        }
    }
}

/// The layers of Tianditu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TiandituLayer {
    /// 矢量底图.
    Vec,
    /// 矢量注记.
    Cva,
    /// 影像.
    Img,
    /// 影像注记.
    Cia,
    /// 地形晕渲.
    Ter,
    /// 地形注记.
    Cta,
}

impl TiandituLayer {
    /// Every layer.
    pub const ALL: [Self; 6] = [Self::Vec, Self::Cva, Self::Img, Self::Cia, Self::Ter, Self::Cta];

    /// The name in Tianditu's URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vec => "vec",
            Self::Cva => "cva",
            Self::Img => "img",
            Self::Cia => "cia",
            Self::Ter => "ter",
            Self::Cta => "cta",
        }
    }

    /// The layer of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.as_str() == name)
    }

    /// Chinese and English title.
    pub fn titles(self) -> (&'static str, &'static str) {
        match self {
            Self::Vec => ("天地图矢量底图", "Tianditu vector map"),
            Self::Cva => ("天地图矢量注记", "Tianditu vector labels"),
            Self::Img => ("天地图影像", "Tianditu imagery"),
            Self::Cia => ("天地图影像注记", "Tianditu imagery labels"),
            Self::Ter => ("天地图地形晕渲", "Tianditu terrain shading"),
            Self::Cta => ("天地图地形注记", "Tianditu terrain labels"),
        }
    }
}

impl fmt::Display for TiandituLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
