//! Object records: class, bracket, id, body; shared objects; which class is read by what.

use std::collections::HashMap;
use std::sync::Arc;

use super::bytes::Cursor;
use super::geometry::Array;
use super::state::Texture;
use super::{Geometry, Node, NodeContent, OsgbError, Picture, PrimitiveSet, Scene, State};

/// Objects inside objects. Real tiles stay below ten.
const MAX_DEPTH: u32 = 64;

/// What an object record held. Cheap to clone: shared objects are referred to by number.
#[derive(Clone)]
pub(super) enum Object<'a> {
    Null,
    Node(Arc<Node>),
    Geometry(Arc<Geometry>),
    State(Arc<State>),
    Texture(Arc<Texture>),
    Picture(Arc<Picture>),
    Diffuse([f32; 4]),
    Array(Arc<Array<'a>>),
    Primitive(Arc<PrimitiveSet>),
    /// Understood, and of no interest to a picture.
    Other,
}

/// Reads objects, and knows those it has read.
pub(super) struct Reader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) objects: HashMap<u32, Object<'a>>,
    /// Arrays of before version 112 count on their own.
    pub(super) arrays: HashMap<u32, Arc<Array<'a>>>,
    depth: u32,
    skipped_bytes: usize,
    skipped_classes: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(cursor: Cursor<'a>) -> Self {
        Self {
            cursor,
            objects: HashMap::new(),
            arrays: HashMap::new(),
            depth: 0,
            skipped_bytes: 0,
            skipped_classes: Vec::new(),
        }
    }

    /// The root object, which is all a file holds.
    pub(super) fn scene(mut self) -> Result<Scene, OsgbError> {
        let root = match self.object()? {
            Object::Node(node) => node,
            Object::Geometry(geometry) => Arc::new(Node { state: None, content: NodeContent::Geode(vec![geometry]) }),
            _ => return Err(self.cursor.error("the root is not a node")),
        };
        Ok(Scene {
            root,
            version: self.cursor.version,
            trailing_bytes: self.cursor.remaining(),
            skipped_bytes: self.skipped_bytes,
            skipped_classes: self.skipped_classes,
        })
    }

    /// One object record.
    pub(super) fn object(&mut self) -> Result<Object<'a>, OsgbError> {
        let class = self.cursor.string()?;
        if class == "NULL" {
            return Ok(Object::Null);
        }
        let block = self.cursor.open()?;
        let id = self.cursor.u32()?;
        if let Some(known) = self.objects.get(&id) {
            let known = known.clone();
            self.cursor.close(block)?;
            return Ok(known);
        }
        // Known from here on: an object inside itself is then a reference, not an endless body.
        self.objects.insert(id, Object::Other);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.cursor.error(format!("objects inside objects, {MAX_DEPTH} deep")));
        }
        let outer = std::mem::replace(&mut self.cursor.class, class);
        let object = match self.body()? {
            Some(object) => object,
            None => Object::Other,
        };
        // An unknown class, or properties of a later version after those known.
        if let Some(skipped) = self.cursor.skip(block) {
            if skipped > 0 {
                self.skipped_bytes += skipped;
                let class = self.cursor.class.clone();
                if !self.skipped_classes.contains(&class) {
                    self.skipped_classes.push(class);
                }
            }
        } else {
            self.cursor.close(block)?;
        }
        self.cursor.class = outer;
        self.depth -= 1;
        self.objects.insert(id, object.clone());
        Ok(object)
    }

    /// The body of the class the cursor is in; `None` where the class is unknown and can be skipped.
    fn body(&mut self) -> Result<Option<Object<'a>>, OsgbError> {
        let class = self.cursor.class.clone();
        let name = class.strip_prefix("osg::").unwrap_or(&class);
        let object = match name {
            "Node" => self.plain_node()?,
            "Group" => self.group()?,
            "Switch" => self.switch()?,
            "Transform" | "MatrixTransform" | "PositionAttitudeTransform" => self.transform(name)?,
            "CoordinateSystemNode" => self.coordinate_system_node()?,
            "LOD" => self.lod()?,
            "PagedLOD" => self.paged_lod()?,
            "Geode" => self.geode()?,
            "Geometry" => self.geometry()?,
            "StateSet" => self.state_set()?,
            "Texture2D" => self.texture_2d()?,
            "Material" => self.material()?,
            "DefaultUserDataContainer" => self.user_data_container()?,
            "VertexBufferObject" | "ElementBufferObject" => self.buffer_object()?,
            "EllipsoidModel" => {
                self.object_block()?;
                self.cursor.f64s::<2>()?;
                Object::Other
            }
            "DrawArrays" | "DrawArrayLengths" | "DrawElementsUByte" | "DrawElementsUShort" | "DrawElementsUInt" => {
                self.primitive_object(name)?
            }
            _ if self.attribute(name)? => Object::Other,
            _ => match Array::shape_of_class(name) {
                Some(shape) => self.array_object(shape)?,
                None if self.cursor.brackets => return Ok(None),
                None => {
                    let reason = "unknown class, and the file does not say where it ends";
                    return Err(self.cursor.error(reason));
                }
            },
        };
        Ok(Some(object))
    }

    /// A flag, and an object where it is set.
    pub(super) fn optional_object(&mut self) -> Result<Object<'a>, OsgbError> {
        if self.cursor.bool()? { self.object() } else { Ok(Object::Null) }
    }

    /// `{`, as many things as `read` is asked for, `}`.
    pub(super) fn bracketed<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, OsgbError>,
    ) -> Result<T, OsgbError> {
        let block = self.cursor.open()?;
        let value = read(self)?;
        self.cursor.close(block)?;
        Ok(value)
    }

    /// A flag, and where it is set a count and that many objects in a bracket.
    pub(super) fn object_list(&mut self) -> Result<Vec<Object<'a>>, OsgbError> {
        if !self.cursor.bool()? {
            return Ok(Vec::new());
        }
        // An object takes at least its empty class name.
        let count = self.cursor.count(4)?;
        self.bracketed(|reader| (0..count).map(|_| reader.object()).collect())
    }

    /// The block every object starts with.
    pub(super) fn object_block(&mut self) -> Result<(), OsgbError> {
        self.cursor.string()?;
        self.cursor.i32()?;
        if self.cursor.version >= 77 {
            self.optional_object()?;
        } else if self.cursor.bool()? {
            self.bracketed(Self::object)?;
        }
        Ok(())
    }

    fn user_data_container(&mut self) -> Result<Object<'a>, OsgbError> {
        self.object_block()?;
        if self.cursor.bool()? {
            self.bracketed(Self::object)?;
        }
        if self.cursor.bool()? {
            let count = self.cursor.count(4)?;
            self.bracketed(|reader| (0..count).try_for_each(|_| reader.cursor.string().map(drop)))?;
        }
        self.object_list()?;
        Ok(Object::Other)
    }

    fn buffer_object(&mut self) -> Result<Object<'a>, OsgbError> {
        self.object_block()?;
        self.cursor.u32()?;
        self.cursor.u32()?;
        self.cursor.bool()?;
        if self.cursor.version >= 201 {
            self.cursor.u32()?;
        }
        Ok(Object::Other)
    }
}
