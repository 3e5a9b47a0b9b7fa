//! Drawables: vertex arrays and primitive sets, in both generations of the container.

use std::sync::Arc;

use super::object::{Object, Reader};
use super::{Geometry, OsgbError, PrimitiveSet, Vertices};

/// What one component of an array is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Component {
    I8,
    U8,
    I16,
    U16,
    I32,
    U32,
    F32,
    F64,
}

/// Component and how many make an element.
pub(super) type Shape = (Component, usize);

/// An array as it stands in the file.
pub(super) struct Array<'a> {
    shape: Shape,
    bytes: &'a [u8],
    big_endian: bool,
    binding: Binding,
}

#[derive(Clone, Copy, PartialEq)]
enum Binding {
    Off,
    Overall,
    PerVertex,
    /// Per primitive or per primitive set: not a thing of vertices.
    PerPrimitive,
}

/// Shapes by type code, before version 112.
const SHAPES: [Shape; 32] = {
    use Component::{F32, F64, I8, I16, I32, U8, U16, U32};
    [
        (I8, 1),
        (U8, 1),
        (I16, 1),
        (U16, 1),
        (I32, 1),
        (U32, 1),
        (F32, 1),
        (F64, 1),
        (I8, 2),
        (I8, 3),
        (I8, 4),
        (U8, 4),
        (I16, 2),
        (I16, 3),
        (I16, 4),
        (F32, 2),
        (F32, 3),
        (F32, 4),
        (F64, 2),
        (F64, 3),
        (F64, 4),
        (U8, 2),
        (U8, 3),
        (U16, 2),
        (U16, 3),
        (U16, 4),
        (I32, 2),
        (I32, 3),
        (I32, 4),
        (U32, 2),
        (U32, 3),
        (U32, 4),
    ]
};

impl Component {
    fn bytes(self) -> usize {
        match self {
            Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Largest value of an integer, by which a colour or normal is divided; 1 for floats.
    fn full(self) -> f64 {
        match self {
            Self::I8 => 127.0,
            Self::U8 => 255.0,
            Self::I16 => 32767.0,
            Self::U16 => 65535.0,
            Self::I32 => f64::from(i32::MAX),
            Self::U32 => f64::from(u32::MAX),
            Self::F32 | Self::F64 => 1.0,
        }
    }
}

impl Array<'_> {
    /// Shape of an array class of version 112 and later, named without `osg::`.
    pub(super) fn shape_of_class(class: &str) -> Option<Shape> {
        use Component::{F32, F64, I8, I16, I32, U8, U16, U32};
        let stem = class.strip_suffix("Array")?;
        let (width, suffix) = match stem.strip_prefix("Vec") {
            None => (1, stem),
            Some(vector) => {
                let width = vector.chars().next()?.to_digit(10)? as usize;
                (width, vector.get(1..)?)
            }
        };
        let component = match suffix {
            "b" | "Byte" => I8,
            "ub" | "UByte" => U8,
            "s" | "Short" => I16,
            "us" | "UShort" => U16,
            "i" | "Int" => I32,
            "ui" | "UInt" => U32,
            "" | "Float" => F32,
            "d" | "Double" => F64,
            _ => return None,
        };
        (1..=4).contains(&width).then_some((component, width))
    }

    fn len(&self) -> usize {
        self.bytes.len() / (self.shape.0.bytes() * self.shape.1)
    }

    fn value(&self, element: usize, i: usize) -> f64 {
        let (component, width) = self.shape;
        let size = component.bytes();
        let start = (element * width + i) * size;
        let mut raw = [0; 8];
        raw[..size].copy_from_slice(&self.bytes[start..start + size]);
        if self.big_endian {
            raw[..size].reverse();
        }
        let [a, b, c, d, ..] = raw;
        match component {
            Component::I8 => f64::from(a.cast_signed()),
            Component::U8 => f64::from(a),
            Component::I16 => f64::from(i16::from_le_bytes([a, b])),
            Component::U16 => f64::from(u16::from_le_bytes([a, b])),
            Component::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Component::U32 => f64::from(u32::from_le_bytes([a, b, c, d])),
            Component::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Component::F64 => f64::from_le_bytes(raw),
        }
    }

    /// Element `number`, missing components filled from `default`; integers scaled to 1 where asked.
    fn element<const N: usize>(&self, number: usize, default: [f64; N], scaled: bool) -> [f64; N] {
        let full = if scaled { self.shape.0.full() } else { 1.0 };
        std::array::from_fn(|i| if i < self.shape.1 { self.value(number, i) / full } else { default[i] })
    }
}

fn color(array: &Array<'_>, number: usize) -> [u8; 4] {
    let scaled = array.element(number, [0., 0., 0., 1.], true);
    scaled.map(|v| (v.clamp(0.0, 1.0) * 255.0).round() as u8)
}

/// A vertex attribute: its array, and the indices of the oldest files.
#[derive(Default)]
struct Slot<'a> {
    array: Option<Arc<Array<'a>>>,
    indices: Option<Arc<Array<'a>>>,
    binding: Option<Binding>,
}

impl Slot<'_> {
    /// One value for each of `vertices`, or none where the attribute is not one of vertices.
    fn per_vertex<T>(&self, vertices: usize, decode: impl Fn(&Array<'_>, usize) -> T) -> Vec<T> {
        let Some(array) = &self.array else { return Vec::new() };
        if self.binding.unwrap_or(array.binding) != Binding::PerVertex {
            return Vec::new();
        }
        let count = self.indices.as_ref().map_or(array.len(), |indices| indices.len());
        if count < vertices {
            return Vec::new();
        }
        let numbers = (0..vertices).map(|vertex| match &self.indices {
            Some(indices) => indices.value(vertex, 0) as usize,
            None => vertex,
        });
        // A number past the end leaves the attribute out rather than inventing a value.
        numbers
            .map(|number| (number < array.len()).then(|| decode(array, number)))
            .collect::<Option<_>>()
            .unwrap_or_default()
    }

    fn overall_color(&self) -> Option<[u8; 4]> {
        let array = self.array.as_ref()?;
        let is_overall = self.binding.unwrap_or(array.binding) == Binding::Overall;
        (is_overall && array.len() > 0).then(|| color(array, 0))
    }
}

impl<'a> Reader<'a> {
    pub(super) fn geometry(&mut self) -> Result<Object<'a>, OsgbError> {
        let version = self.cursor.version;
        let mut state = if version >= 154 { self.node_block()?.state } else { None };
        if version < 154 {
            self.object_block()?;
        }
        if version < 156 {
            state = self.optional_state()?.or(state);
        }
        if self.cursor.bool()? {
            self.bracketed(|reader| reader.cursor.f64s::<6>().map(drop))?;
        }
        self.optional_object()?;
        self.optional_object()?;
        for _flag in ["supports lists", "uses lists", "uses buffers"] {
            self.cursor.bool()?;
        }
        if version < 156 {
            for _callback in ["update", "event", "cull", "draw"] {
                self.optional_object()?;
            }
        }
        if version >= 142 {
            self.cursor.u32()?;
        }
        if version >= 145 {
            self.cursor.bool()?;
        }
        // A primitive set takes at least its kind and its mode, an object at least its class.
        let count = self.cursor.count(if version < 112 { 8 } else { 4 })?;
        let mut primitives = Vec::new();
        for _ in 0..count {
            let set = if version < 112 {
                Some(Arc::new(self.primitive_set()?))
            } else {
                match self.object()? {
                    Object::Primitive(set) => Some(set),
                    _ => None,
                }
            };
            primitives.extend(set);
        }
        let [vertices, normals, colors, uvs] = if version < 112 { self.slots()? } else { self.array_objects()? };
        let count = vertices
            .array
            .as_ref()
            .map_or(0, |array| vertices.indices.as_ref().map_or(array.len(), |indices| indices.len()));
        // The vertex array is of vertices whatever its binding says: the oldest writers leave it off.
        let vertices = Slot { binding: Some(Binding::PerVertex), ..vertices };
        let geometry = Geometry {
            positions: vertices.per_vertex(count, |array, number| array.element(number, [0.0; 3], false)),
            normals: normals.per_vertex(count, |array, number| array.element(number, [0.0; 3], true).map(|v| v as f32)),
            uvs: uvs.per_vertex(count, |array, number| array.element(number, [0.0; 2], false).map(|v| v as f32)),
            colors: colors.per_vertex(count, color),
            overall_color: colors.overall_color(),
            primitives,
            state,
        };
        if geometry.positions.len() != count {
            return Err(self.cursor.error("a vertex index passes the end of the vertex array"));
        }
        if !geometry.positions.iter().flatten().all(|v| v.is_finite()) {
            return Err(self.cursor.error("a vertex is not finite"));
        }
        Ok(Object::Geometry(Arc::new(geometry)))
    }

    /// Vertex, normal, colour and first texture coordinates as they stand before version 112.
    fn slots(&mut self) -> Result<[Slot<'a>; 4], OsgbError> {
        let mut named = Vec::new();
        for _slot in ["vertex", "normal", "colour", "secondary colour", "fog"] {
            let mut slot = Slot::default();
            if self.cursor.bool()? {
                slot = self.bracketed(Self::slot)?;
            }
            named.push(slot);
        }
        let mut units = Vec::new();
        for _list in ["texture coordinates", "generic attributes"] {
            let mut slots = Vec::new();
            if self.cursor.bool()? {
                // Two flags, binding and normalise.
                let count = self.cursor.count(10)?;
                slots = self.bracketed(|reader| {
                    (0..count).map(|_| reader.bracketed(Self::slot)).collect::<Result<Vec<_>, _>>()
                })?;
            }
            units.push(slots.into_iter().next().unwrap_or_default());
        }
        self.cursor.bool()?;
        let mut named = named.into_iter();
        let mut next = || named.next().unwrap_or_default();
        let (vertices, normals, colors) = (next(), next(), next());
        let mut uvs = units.into_iter().next().unwrap_or_default();
        // Texture coordinates have no other meaning than one for each vertex.
        uvs.binding = Some(Binding::PerVertex);
        Ok([vertices, normals, colors, uvs])
    }

    fn slot(&mut self) -> Result<Slot<'a>, OsgbError> {
        let array = if self.cursor.bool()? { Some(self.old_array()?) } else { None };
        let indices = if self.cursor.bool()? { Some(self.old_array()?) } else { None };
        let binding = match self.cursor.i32()? {
            0 => Binding::Off,
            1 => Binding::Overall,
            4 => Binding::PerVertex,
            _ => Binding::PerPrimitive,
        };
        self.cursor.i32()?;
        Ok(Slot { array, indices, binding: Some(binding) })
    }

    fn old_array(&mut self) -> Result<Arc<Array<'a>>, OsgbError> {
        let id = self.cursor.u32()?;
        if let Some(known) = self.arrays.get(&id) {
            return Ok(Arc::clone(known));
        }
        let code = self.cursor.u32()?;
        let shape = SHAPES.get(code as usize).copied();
        let shape = shape.ok_or_else(|| self.cursor.error(format!("{code} is no array type")))?;
        let size = shape.0.bytes() * shape.1;
        let count = self.cursor.count(size)?;
        let bytes = self.bracketed(|reader| reader.cursor.bytes(count * size))?;
        let array = Arc::new(self.array(shape, bytes, Binding::PerVertex));
        self.arrays.insert(id, Arc::clone(&array));
        Ok(array)
    }

    fn array(&self, shape: Shape, bytes: &'a [u8], binding: Binding) -> Array<'a> {
        Array { shape, bytes, big_endian: self.cursor.is_big_endian(), binding }
    }

    /// The arrays from version 112 on.
    fn array_objects(&mut self) -> Result<[Slot<'a>; 4], OsgbError> {
        let mut named = Vec::new();
        for _slot in ["vertex", "normal", "colour", "secondary colour", "fog"] {
            named.push(as_slot(self.optional_object()?));
        }
        let mut units = Vec::new();
        for _list in ["texture coordinates", "generic attributes"] {
            let count = self.cursor.count(4)?;
            let slots = (0..count).map(|_| Ok(as_slot(self.object()?))).collect::<Result<Vec<_>, OsgbError>>()?;
            units.push(slots.into_iter().next().unwrap_or_default());
        }
        let mut named = named.into_iter();
        let mut next = || named.next().unwrap_or_default();
        let (vertices, normals, colors) = (next(), next(), next());
        let mut uvs = units.into_iter().next().unwrap_or_default();
        uvs.binding = Some(Binding::PerVertex);
        Ok([vertices, normals, colors, uvs])
    }

    pub(super) fn array_object(&mut self, shape: Shape) -> Result<Object<'a>, OsgbError> {
        self.object_block()?;
        if self.cursor.version >= 147 {
            self.optional_object()?;
        }
        let binding = match self.cursor.i32()? {
            0 => Binding::Off,
            1 => Binding::Overall,
            // Undefined: the writer never said, and OpenSceneGraph then draws per vertex.
            -1 | 4 => Binding::PerVertex,
            _ => Binding::PerPrimitive,
        };
        self.cursor.bool()?;
        self.cursor.bool()?;
        let size = shape.0.bytes() * shape.1;
        let count = self.cursor.count(size)?;
        let bytes = self.cursor.bytes(count * size)?;
        Ok(Object::Array(Arc::new(self.array(shape, bytes, binding))))
    }

    /// A primitive set before version 112: no object, only numbers.
    fn primitive_set(&mut self) -> Result<PrimitiveSet, OsgbError> {
        let kind = self.cursor.u32()?;
        let mode = self.cursor.u32()?;
        if self.cursor.version > 96 {
            self.cursor.u32()?;
        }
        let vertices = match kind {
            50 => self.range()?,
            51 => self.runs(true)?,
            52 => self.indices(1, true)?,
            53 => self.indices(2, true)?,
            54 => self.indices(4, true)?,
            other => return Err(self.cursor.error(format!("{other} is no kind of primitive set"))),
        };
        Ok(PrimitiveSet { mode, vertices })
    }

    pub(super) fn primitive_object(&mut self, class: &str) -> Result<Object<'a>, OsgbError> {
        self.object_block()?;
        if self.cursor.version >= 147 {
            self.optional_object()?;
        }
        self.cursor.i32()?;
        let mode = self.cursor.u32()?;
        let vertices = match class {
            "DrawArrays" => self.range()?,
            "DrawArrayLengths" => self.runs(false)?,
            "DrawElementsUByte" => self.indices(1, false)?,
            "DrawElementsUShort" => self.indices(2, false)?,
            _ => self.indices(4, false)?,
        };
        Ok(Object::Primitive(Arc::new(PrimitiveSet { mode, vertices })))
    }

    fn range(&mut self) -> Result<Vertices, OsgbError> {
        Ok(Vertices::Range { first: self.cursor.u32()?, count: self.cursor.u32()? })
    }

    fn runs(&mut self, bracket: bool) -> Result<Vertices, OsgbError> {
        let first = self.cursor.u32()?;
        let Vertices::Indexed(lengths) = self.indices(4, bracket)? else {
            return Err(self.cursor.error("lengths are whole numbers"));
        };
        Ok(Vertices::Runs { first, lengths })
    }

    fn indices(&mut self, size: usize, bracket: bool) -> Result<Vertices, OsgbError> {
        let count = self.cursor.count(size)?;
        let read = |reader: &mut Self| match size {
            1 => reader.cursor.values(count, |[a]: [u8; 1]| u32::from(a)),
            2 => reader.cursor.values(count, |bytes| u32::from(u16::from_le_bytes(bytes))),
            _ => reader.cursor.values(count, u32::from_le_bytes),
        };
        let indices = if bracket { self.bracketed(read)? } else { read(self)? };
        Ok(Vertices::Indexed(indices))
    }
}

fn as_slot(object: Object<'_>) -> Slot<'_> {
    match object {
        Object::Array(array) => Slot { array: Some(array), ..Slot::default() },
        _ => Slot::default(),
    }
}
