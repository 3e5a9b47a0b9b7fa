//! The city plan's old plane against PROJ through the project's own datum parameters.

use geodesy::{Crs, DatumParameters, Transform};
use samples::old_datum::{parameter_file, xian80_from_cgcs2000};

#[test]
fn the_parameter_file_brings_the_city_plan_back_to_a_millimetre() {
    let parameters = DatumParameters::from_toml(&parameter_file()).expect("our own file");
    let (old, new) = (Crs::from_epsg(2_382).expect("Xi'an 80"), Crs::from_epsg(4_546).expect("CGCS2000"));
    let transform = Transform::with_parameters(&old, &new, Some(&parameters)).expect("the set fits these planes");
    for point in [[370_400.0, 3_127_400.0], [382_400.0, 3_139_400.0], [376_415.0, 3_133_441.0]] {
        let mut moved = [xian80_from_cgcs2000(point)];
        assert!((moved[0][0] - point[0]).abs() > 50.0, "the old plane lies elsewhere");
        transform.points(&mut moved).expect("inside the area");
        assert!((moved[0][0] - point[0]).hypot(moved[0][1] - point[1]) < 0.001, "{moved:?}");
    }
}
