//! The writer: one self-contained glb, laid out as glTF 2.0 asks (4.4 GLB; 3.6.2.4 alignment).

use serde_json::{Value, json};

use super::color::linear_from_srgb;
use super::gather::check;
use super::{Alpha, GlbError, IDENTITY, ImageFormat, Material, Mode, Model, Primitive, Wrap};

const ARRAY_BUFFER: u32 = 34962;
const ELEMENT_ARRAY_BUFFER: u32 = 34963;

/// Writes `model` as a glb. Indices take two bytes wherever they fit; images go in untouched.
///
/// # Errors
/// [`GlbError::Invalid`] where an attribute is not as long as the positions, an index or a
/// material or image number passes its end, a position is not finite, an image is neither JPEG
/// nor PNG nor WebP, or [`Model::rtc_center`] is not zero; [`GlbError::TooLarge`] past 4 GiB.
pub fn write(model: &Model) -> Result<Vec<u8>, GlbError> {
    if model.rtc_center.iter().any(|v| v.abs() > 0.0) {
        return Err(GlbError::invalid("model", "an RTC centre belongs into the tile's transform"));
    }
    let mut out = Document::default();
    for primitive in &model.primitives {
        check(primitive)?;
        if primitive.positions.is_empty() || primitive.placements.is_empty() {
            return Err(GlbError::invalid("mesh primitive", "nothing to draw: leave it out"));
        }
        if primitive.material.is_some_and(|number| number >= model.materials.len()) {
            return Err(GlbError::invalid("mesh primitive", "its material does not exist"));
        }
        let mesh = out.meshes.len();
        out.mesh(primitive);
        for placement in &primitive.placements {
            out.nodes.push(if *placement == IDENTITY {
                json!({ "mesh": mesh })
            } else {
                json!({ "mesh": mesh, "matrix": placement })
            });
        }
    }
    for image in &model.images {
        let mime = match image.format {
            ImageFormat::Jpeg => "image/jpeg",
            ImageFormat::Png => "image/png",
            ImageFormat::Webp => "image/webp",
            ImageFormat::Ktx2 | ImageFormat::Unknown => {
                return Err(GlbError::invalid("image", "only JPEG, PNG and WebP can be written"));
            }
        };
        let view = out.view(&image.bytes, None, None);
        out.images.push(json!({ "bufferView": view, "mimeType": mime }));
    }
    for material in &model.materials {
        if material.image.is_some_and(|number| number >= model.images.len()) {
            return Err(GlbError::invalid("material", "its image does not exist"));
        }
        let is_webp = material.image.is_some_and(|number| model.images[number].format == ImageFormat::Webp);
        out.material(material, is_webp);
    }
    out.finish()
}

/// The lists of a glTF as they grow, and the binary chunk.
#[derive(Default)]
struct Document {
    binary: Vec<u8>,
    views: Vec<Value>,
    accessors: Vec<Value>,
    meshes: Vec<Value>,
    nodes: Vec<Value>,
    materials: Vec<Value>,
    textures: Vec<Value>,
    samplers: Vec<Value>,
    images: Vec<Value>,
    unlit: bool,
    webp: bool,
}

impl Document {
    fn view(&mut self, bytes: &[u8], target: Option<u32>, stride: Option<usize>) -> usize {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let mut view = json!({ "buffer": 0, "byteOffset": self.binary.len(), "byteLength": bytes.len() });
        if let Some(target) = target {
            view["target"] = target.into();
        }
        if let Some(stride) = stride {
            view["byteStride"] = stride.into();
        }
        self.binary.extend_from_slice(bytes);
        self.views.push(view);
        self.views.len() - 1
    }

    fn accessor(&mut self, view: usize, component: u32, count: usize, shape: &str) -> usize {
        let accessor = json!({ "bufferView": view, "componentType": component, "count": count, "type": shape });
        self.accessors.push(accessor);
        self.accessors.len() - 1
    }

    /// A vertex attribute of bytes or shorts, each element padded to four bytes as the standard asks.
    fn padded<const N: usize>(&mut self, elements: impl Iterator<Item = [u8; N]>, component: u32) -> usize {
        let bytes: Vec<u8> =
            elements.flat_map(|e| std::array::from_fn::<u8, 4, _>(|i| e.get(i).copied().unwrap_or(0))).collect();
        let view = self.view(&bytes, Some(ARRAY_BUFFER), Some(4));
        self.accessor(view, component, bytes.len() / 4, "SCALAR")
    }

    fn mesh(&mut self, primitive: &Primitive) {
        let floats = |document: &mut Self, bytes: &[u8], width: usize, shape: &str| {
            let view = document.view(bytes, Some(ARRAY_BUFFER), Some(width * 4));
            document.accessor(view, 5126, bytes.len() / (width * 4), shape)
        };
        let position = floats(self, bytemuck::cast_slice(&primitive.positions), 3, "VEC3");
        let (min, max) = bounds(&primitive.positions);
        self.accessors[position]["min"] = json!(min);
        self.accessors[position]["max"] = json!(max);
        let mut attributes = json!({ "POSITION": position });
        if !primitive.normals.is_empty() {
            attributes["NORMAL"] = floats(self, bytemuck::cast_slice(&primitive.normals), 3, "VEC3").into();
        }
        if !primitive.uvs.is_empty() {
            attributes["TEXCOORD_0"] = floats(self, bytemuck::cast_slice(&primitive.uvs), 2, "VEC2").into();
        }
        if !primitive.colors.is_empty() {
            let colors: Vec<[u16; 4]> = primitive.colors.iter().map(|color| linear_from_srgb(*color)).collect();
            let bytes: Vec<u8> = colors.as_flattened().iter().flat_map(|value| value.to_le_bytes()).collect();
            let view = self.view(&bytes, Some(ARRAY_BUFFER), Some(8));
            let accessor = self.accessor(view, 5123, colors.len(), "VEC4");
            self.accessors[accessor]["normalized"] = true.into();
            attributes["COLOR_0"] = accessor.into();
        }
        if !primitive.classification.is_empty() {
            let classes = primitive.classification.iter().map(|class| [*class]);
            attributes["_CLASSIFICATION"] = self.padded(classes, 5121).into();
        }
        if !primitive.intensity.is_empty() {
            let intensity = primitive.intensity.iter().map(|value| value.to_le_bytes());
            attributes["_INTENSITY"] = self.padded(intensity, 5123).into();
        }
        let mut mesh = json!({ "attributes": attributes });
        if primitive.mode != Mode::Triangles {
            mesh["mode"] = (primitive.mode as u32).into();
        }
        if let Some(material) = primitive.material {
            mesh["material"] = material.into();
        }
        if !primitive.indices.is_empty() {
            // 65535 itself would be the restart mark of strips, so one vertex less fits two bytes.
            let accessor = if primitive.positions.len() <= 65535 {
                let short: Vec<u16> = primitive.indices.iter().map(|index| *index as u16).collect();
                let view = self.view(bytemuck::cast_slice(&short), Some(ELEMENT_ARRAY_BUFFER), None);
                self.accessor(view, 5123, short.len(), "SCALAR")
            } else {
                let view = self.view(bytemuck::cast_slice(&primitive.indices), Some(ELEMENT_ARRAY_BUFFER), None);
                self.accessor(view, 5125, primitive.indices.len(), "SCALAR")
            };
            mesh["indices"] = accessor.into();
        }
        self.meshes.push(json!({ "primitives": [mesh] }));
    }

    fn material(&mut self, material: &Material, is_webp: bool) {
        let mut pbr = json!({ "metallicFactor": 0.0, "roughnessFactor": 1.0 });
        pbr["baseColorFactor"] = json!(material.base_color);
        if let Some(image) = material.image {
            let mut texture = json!({ "sampler": self.sampler(material.wrap) });
            if is_webp {
                self.webp = true;
                texture["extensions"] = json!({ "EXT_texture_webp": { "source": image } });
            } else {
                texture["source"] = image.into();
            }
            pbr["baseColorTexture"] = json!({ "index": self.textures.len() });
            self.textures.push(texture);
        }
        let mut out = json!({ "pbrMetallicRoughness": pbr });
        if material.unlit {
            self.unlit = true;
            out["extensions"] = json!({ "KHR_materials_unlit": {} });
        }
        if material.double_sided {
            out["doubleSided"] = true.into();
        }
        match material.alpha {
            Alpha::Opaque => {}
            Alpha::Mask(cutoff) => {
                out["alphaMode"] = "MASK".into();
                out["alphaCutoff"] = cutoff.into();
            }
            Alpha::Blend => out["alphaMode"] = "BLEND".into(),
        }
        self.materials.push(out);
    }

    fn sampler(&mut self, wrap: [Wrap; 2]) -> usize {
        let number = |wrap| match wrap {
            Wrap::Clamp => 33071,
            Wrap::Repeat => 10497,
            Wrap::Mirror => 33648,
        };
        // Linear, and trilinear from afar: nearest would shimmer on photographs.
        let sampler =
            json!({ "magFilter": 9729, "minFilter": 9987, "wrapS": number(wrap[0]), "wrapT": number(wrap[1]) });
        let found = self.samplers.iter().position(|known| *known == sampler);
        found.unwrap_or_else(|| {
            self.samplers.push(sampler);
            self.samplers.len() - 1
        })
    }

    fn finish(mut self) -> Result<Vec<u8>, GlbError> {
        self.binary.resize(self.binary.len().next_multiple_of(4), 0);
        let mut root = json!({
            "asset": { "version": "2.0", "generator": "Shikong" },
            "scene": 0,
            "scenes": [if self.nodes.is_empty() { json!({}) } else { json!({ "nodes": (0..self.nodes.len()).collect::<Vec<_>>() }) }],
        });
        let mut used = Vec::new();
        if self.unlit {
            used.push("KHR_materials_unlit");
        }
        if self.webp {
            used.push("EXT_texture_webp");
            root["extensionsRequired"] = json!(["EXT_texture_webp"]);
        }
        if !used.is_empty() {
            root["extensionsUsed"] = json!(used);
        }
        if !self.binary.is_empty() {
            root["buffers"] = json!([{ "byteLength": self.binary.len() }]);
        }
        let lists = [
            ("nodes", self.nodes),
            ("meshes", self.meshes),
            ("accessors", self.accessors),
            ("bufferViews", self.views),
            ("materials", self.materials),
            ("textures", self.textures),
            ("samplers", self.samplers),
            ("images", self.images),
        ];
        // glTF forbids empty lists.
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            root[name] = Value::Array(list);
        }
        let mut json = root.to_string().into_bytes();
        json.resize(json.len().next_multiple_of(4), b' ');
        let length = 12 + 8 + json.len() + if self.binary.is_empty() { 0 } else { 8 + self.binary.len() };
        let limit = u64::from(u32::MAX);
        if length as u64 > limit {
            return Err(GlbError::TooLarge { what: "the glb", size: length as u64, limit });
        }
        let mut out = Vec::with_capacity(length);
        out.extend_from_slice(b"glTF");
        out.extend_from_slice(&2u32.to_le_bytes());
        out.extend_from_slice(&(length as u32).to_le_bytes());
        out.extend_from_slice(&(json.len() as u32).to_le_bytes());
        out.extend_from_slice(b"JSON");
        out.extend_from_slice(&json);
        if !self.binary.is_empty() {
            out.extend_from_slice(&(self.binary.len() as u32).to_le_bytes());
            out.extend_from_slice(b"BIN\0");
            out.extend_from_slice(&self.binary);
        }
        Ok(out)
    }
}

fn bounds(positions: &[[f32; 3]]) -> ([f32; 3], [f32; 3]) {
    let (mut min, mut max) = ([f32::INFINITY; 3], [f32::NEG_INFINITY; 3]);
    for position in positions {
        for i in 0..3 {
            min[i] = min[i].min(position[i]);
            max[i] = max[i].max(position[i]);
        }
    }
    (min, max)
}
