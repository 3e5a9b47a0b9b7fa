//! The difference of the surveys as a grid, for maps.

use super::pair::Pair;
use crate::marks::Window;
use crate::{AnalysisError, RasterMade, Task};

/// Hands over `after` less `before`, metres, on the cells of a window, as the surveys were brought together. Changes below the
/// level of detection stay in: whoever draws them knows how to fade them.
pub(super) fn difference(task: &Task<'_>, pair: &Pair<'_>, window: Window) -> Result<(), AnalysisError> {
    let base = pair.base();
    let [west, north, width, height] = base.grid();
    let made = RasterMade {
        name: "difference",
        title_zh: "高程变化",
        title_en: "Change of height",
        unit: "m",
        crs: base.crs().clone(),
        size: [window.columns, window.rows],
        grid: [west + window.column as f64 * width, north - window.row as f64 * height, width, height],
    };
    task.rasters.take(&made, &mut |row, out| {
        if task.watch.cancelled() {
            return Err(AnalysisError::Cancelled);
        }
        let rows = out.len() / window.columns;
        task.watch.progress(0.95 + 0.05 * row as f64 / window.rows as f64, "写出高程变化图");
        let heights = pair.read(Window { row: window.row + row, rows, ..window })?;
        for ((out, before), after) in out.iter_mut().zip(&heights.before).zip(&heights.after) {
            *out = after - before;
        }
        Ok(())
    })
}
