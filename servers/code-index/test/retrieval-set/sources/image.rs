pub struct Image { pub width: usize, pub height: usize, pub pixels: Vec<[u8; 3]> }

impl Image {
    pub fn to_grayscale(&self) -> Vec<u8> {
        self.pixels.iter().map(|[r, g, b]| {
            (0.299 * *r as f32 + 0.587 * *g as f32 + 0.114 * *b as f32) as u8
        }).collect()
    }

    pub fn crop(&self, x: usize, y: usize, width: usize, height: usize) -> Image {
        let pixels = (y..y + height)
            .flat_map(|row| self.pixels[row * self.width + x..row * self.width + x + width].to_vec())
            .collect();
        Image { width, height, pixels }
    }

    pub fn rotate_clockwise(&self) -> Image {
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for x in 0..self.width {
            for y in (0..self.height).rev() {
                pixels.push(self.pixels[y * self.width + x]);
            }
        }
        Image { width: self.height, height: self.width, pixels }
    }
}

/// Colour from a string such as "#ff8800".
pub fn parse_hex_color(text: &str) -> Option<[u8; 3]> {
    let hex = text.strip_prefix('#')?;
    let value = u32::from_str_radix(hex, 16).ok()?;
    Some([(value >> 16) as u8, (value >> 8) as u8, value as u8])
}

pub fn histogram(values: &[u8]) -> [u32; 256] {
    let mut bins = [0; 256];
    for value in values { bins[*value as usize] += 1; }
    bins
}
