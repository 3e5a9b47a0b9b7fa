//! State sets, textures, materials and images: what a surface looks like.

use std::sync::Arc;

use super::object::{Object, Reader};
use super::{OsgbError, Picture, PictureContent, Pixels, State};

/// A texture: its picture, and whether it repeats across and up.
#[derive(Debug)]
pub(super) struct Texture {
    picture: Option<Arc<Picture>>,
    repeat: [bool; 2],
}

/// OpenGL's names of what repeats: `GL_REPEAT`, `GL_MIRRORED_REPEAT`.
const REPEATS: [u32; 2] = [0x2901, 0x8370];

impl<'a> Reader<'a> {
    pub(super) fn state_set(&mut self) -> Result<Object<'a>, OsgbError> {
        self.object_block()?;
        let mut state = State::default();
        if self.cursor.bool()? {
            self.modes()?;
        }
        if self.cursor.bool()? {
            self.attributes(&mut state)?;
        }
        if self.cursor.bool()? {
            let units = self.cursor.count(4)?;
            self.bracketed(|reader| (0..units).try_for_each(|_| reader.modes()))?;
        }
        if self.cursor.bool()? {
            let units = self.cursor.count(4)?;
            self.bracketed(|reader| {
                for unit in 0..units {
                    // Unit 0 is the photograph; anything above is light maps and the like.
                    let mut other = State::default();
                    reader.attributes(if unit == 0 { &mut state } else { &mut other })?;
                }
                Ok(())
            })?;
        }
        if self.cursor.bool()? {
            let uniforms = self.cursor.count(8)?;
            self.bracketed(|reader| {
                (0..uniforms).try_for_each(|_| {
                    reader.object()?;
                    reader.cursor.u32().map(drop)
                })
            })?;
        }
        for _number in ["rendering hint", "bin mode", "bin number"] {
            self.cursor.i32()?;
        }
        self.cursor.string()?;
        self.cursor.bool()?;
        for _callback in ["update", "event"] {
            self.optional_object()?;
        }
        if self.cursor.version >= 151 && self.cursor.bool()? {
            let defines = self.cursor.count(12)?;
            self.bracketed(|reader| {
                (0..defines).try_for_each(|_| {
                    reader.cursor.string()?;
                    reader.cursor.string()?;
                    reader.cursor.u32().map(drop)
                })
            })?;
        }
        Ok(Object::State(Arc::new(state)))
    }

    fn modes(&mut self) -> Result<(), OsgbError> {
        let count = self.cursor.count(8)?;
        if count > 0 {
            self.bracketed(|reader| reader.cursor.bytes(count * 8).map(drop))?;
        }
        Ok(())
    }

    fn attributes(&mut self, state: &mut State) -> Result<(), OsgbError> {
        let count = self.cursor.count(8)?;
        if count == 0 {
            return Ok(());
        }
        self.bracketed(|reader| {
            for _ in 0..count {
                match reader.object()? {
                    Object::Texture(texture) => {
                        state.picture.clone_from(&texture.picture);
                        state.repeat = texture.repeat;
                    }
                    Object::Diffuse(color) => state.diffuse = Some(color),
                    _ => {}
                }
                reader.cursor.u32()?;
            }
            Ok(())
        })
    }

    /// The blocks Object and `StateAttribute`.
    fn attribute_block(&mut self) -> Result<(), OsgbError> {
        self.object_block()?;
        self.optional_object()?;
        self.optional_object().map(drop)
    }

    /// Attributes of no interest whose length is known: true where `class` was one and is read.
    pub(super) fn attribute(&mut self, class: &str) -> Result<bool, OsgbError> {
        let own_bytes = match class {
            "CullFace" | "ShadeModel" | "FrontFace" | "LineWidth" | "ColorMask" => 4,
            "AlphaFunc" | "PolygonOffset" => 8,
            "TexEnv" => 20,
            "BlendFunc" | "BlendColor" => 16,
            "PolygonMode" => 10,
            "Point" => 28,
            "Depth" => 21,
            "LightModel" => 22,
            _ => return Ok(false),
        };
        self.attribute_block()?;
        self.cursor.bytes(own_bytes)?;
        Ok(true)
    }

    pub(super) fn material(&mut self) -> Result<Object<'a>, OsgbError> {
        self.attribute_block()?;
        self.cursor.i32()?;
        let mut diffuse = None;
        for name in ["ambient", "diffuse", "specular", "emission"] {
            if self.cursor.bool()? {
                self.cursor.bool()?;
                let front = self.cursor.f32s::<4>()?;
                self.cursor.f32s::<4>()?;
                if name == "diffuse" {
                    diffuse = Some(front);
                }
            }
        }
        if self.cursor.bool()? {
            self.cursor.bool()?;
            self.cursor.f32s::<2>()?;
        }
        Ok(diffuse.map_or(Object::Other, Object::Diffuse))
    }

    pub(super) fn texture_2d(&mut self) -> Result<Object<'a>, OsgbError> {
        self.attribute_block()?;
        let mut modes = [0; 5];
        for mode in &mut modes {
            if self.cursor.bool()? {
                *mode = self.cursor.u32()?;
            }
        }
        self.cursor.f32()?;
        for _flag in ["hardware mipmaps", "drop image", "client storage", "resize"] {
            self.cursor.bool()?;
        }
        self.cursor.f64s::<4>()?;
        self.cursor.i32()?;
        self.cursor.i32()?;
        for _format in ["internal", "source", "source type"] {
            if self.cursor.bool()? {
                self.cursor.u32()?;
            }
        }
        self.cursor.bool()?;
        self.cursor.i32()?;
        self.cursor.i32()?;
        self.cursor.f32()?;
        if (95..154).contains(&self.cursor.version) && self.cursor.bool()? {
            // u32, i32, u8, i32, u32, u32
            self.cursor.bytes(21)?;
        }
        if self.cursor.version >= 98 && self.cursor.bool()? {
            self.cursor.string()?;
        }
        if self.cursor.version >= 155 {
            self.cursor.f32s::<3>()?;
        }
        let picture = if self.cursor.bool()? { self.image()? } else { None };
        self.cursor.i32()?;
        self.cursor.i32()?;
        let repeat = [REPEATS.contains(&modes[0]), REPEATS.contains(&modes[1])];
        Ok(Object::Texture(Arc::new(Texture { picture, repeat })))
    }

    /// An image record, which is unlike every other object record.
    fn image(&mut self) -> Result<Option<Arc<Picture>>, OsgbError> {
        if self.cursor.version > 94 {
            let class = self.cursor.string()?;
            if class != "osg::Image" {
                return Err(self.cursor.error(format!("{class} where an image belongs")));
            }
        }
        let id = self.cursor.u32()?;
        match self.objects.get(&id) {
            Some(Object::Picture(picture)) => return Ok(Some(Arc::clone(picture))),
            Some(_) => return Ok(None),
            None => {}
        }
        let name = self.cursor.string()?;
        self.cursor.i32()?;
        let content = match self.cursor.i32()? {
            0 => PictureContent::Pixels(self.pixels()?),
            1 => {
                let count = self.cursor.count(1)?;
                PictureContent::File(self.cursor.bytes(count)?.to_vec())
            }
            2 | 3 => PictureContent::Elsewhere,
            other => return Err(self.cursor.error(format!("{other} is no way to store an image"))),
        };
        let picture = Arc::new(Picture { name, content });
        self.objects.insert(id, Object::Picture(Arc::clone(&picture)));
        self.object_block()?;
        Ok(Some(picture))
    }

    fn pixels(&mut self) -> Result<Pixels, OsgbError> {
        // Which corner the maker thought of as the origin: OpenGL never asks.
        self.cursor.i32()?;
        let width = self.cursor.u32()?;
        let height = self.cursor.u32()?;
        let depth = self.cursor.u32()?;
        self.cursor.u32()?;
        let format = self.cursor.u32()?;
        let component = self.cursor.u32()?;
        let packing = self.cursor.u32()?;
        self.cursor.i32()?;
        let count = self.cursor.count(1)?;
        let bytes = self.cursor.bytes(count)?.to_vec();
        let mipmaps = self.cursor.count(4)?;
        self.cursor.bytes(mipmaps * 4)?;
        if depth > 1 {
            return Err(self.cursor.error("a picture with depth"));
        }
        Ok(Pixels { width, height, format, component, packing: packing.max(1), bytes })
    }
}
