//! The sheet: its colours, its heading, and the few elements that are drawn on it.

use super::Colour;

/// Width and height of every picture.
const SIZE: (f64, f64) = (800.0, 450.0);
/// What may be drawn on: the sheet without its margins.
pub(super) const FRAME: Frame = Frame {
    left: 20.0,
    right: SIZE.0 - 24.0,
    top: 16.0,
    bottom: SIZE.1 - 10.0,
};

/// Colours of a light sheet, and of a dark one where the viewer asks for it. The six of the series
/// follow Okabe and Ito, darker or lighter where the contrast asks for it.
const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:12px;fill:#1f2328}\
.sheet{fill:#fff}.title{font-size:16px;font-weight:600}.tick,.note,.label{fill:#59636e}.note{font-size:13px}\
.label{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}\
.said{font-size:15px;fill:#59636e}\
.grid{stroke:#e3e7eb}.axis{stroke:#8c959f}.mark{stroke:#59636e;stroke-dasharray:5 4}\
.l{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.thin{stroke-width:1.1}.dashed{stroke-dasharray:7 5}\
.b{stroke:none;fill-opacity:.16}.d{stroke:none}.p{stroke:none}\
.l.blue{stroke:#0072b2}.l.orange{stroke:#c77700}.l.green{stroke:#00855f}.l.red{stroke:#c8500a}.l.purple{stroke:#9b4f94}.l.grey{stroke:#7d868f}\
.f.blue{fill:#0072b2}.f.orange{fill:#c77700}.f.green{fill:#00855f}.f.red{fill:#c8500a}.f.purple{fill:#9b4f94}.f.grey{fill:#8c959f}\
@media (prefers-color-scheme:dark){\
text{fill:#e6edf3}.sheet{fill:#15191e}.label{stroke:#15191e}.tick,.note,.label,.said{fill:#9da7b1}\
.grid{stroke:#2a3038}.axis{stroke:#6b747d}.mark{stroke:#9da7b1}.b{fill-opacity:.24}\
.l.blue{stroke:#56b4e9}.l.orange{stroke:#e69f00}.l.green{stroke:#2fc59b}.l.red{stroke:#f0803c}.l.purple{stroke:#d58bc9}.l.grey{stroke:#8b949e}\
.f.blue{fill:#56b4e9}.f.orange{fill:#e69f00}.f.green{fill:#2fc59b}.f.red{fill:#f0803c}.f.purple{fill:#d58bc9}.f.grey{fill:#7d868f}}";

/// A rectangle, in the units of the sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    /// Returns where a share of the width is, 0 at the left.
    pub(super) fn x(&self, share: f64) -> f64 {
        self.left + share * (self.right - self.left)
    }

    /// Returns where a share of the height is, 0 at the bottom.
    pub(super) fn y(&self, share: f64) -> f64 {
        self.bottom - share * (self.bottom - self.top)
    }
}

/// Which end of a text is at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// What stands for a series in the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Swatch {
    Line,
    Dot,
    Band,
    Area,
}

/// Elements so far, and how far down the heading reaches.
pub(super) struct Canvas {
    text: String,
    below: f64,
}

impl Canvas {
    /// Returns a sheet with its heading.
    pub(super) fn new(title: &str, subtitle: &str) -> Self {
        let (width, height) = SIZE;
        let name = escape(title);
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" role=\"img\">\n<title>{name}</title>\n\
             <style>{STYLE}</style>\n\
             <rect class=\"sheet\" width=\"{width}\" height=\"{height}\" rx=\"6\"/>\n"
        );
        let mut canvas = Self {
            text,
            below: FRAME.top,
        };
        canvas.heading("title", 16.0, 20.0, title);
        canvas.heading("note", 13.0, 17.0, subtitle);
        canvas
    }

    /// Returns where the heading ends.
    pub(super) fn below(&self) -> f64 {
        self.below
    }

    /// Adds names with their colours below the heading, in as many lines as they need.
    pub(super) fn legend(&mut self, entries: &[(&str, Colour, Swatch)]) {
        if entries.is_empty() {
            return;
        }
        let mut x = FRAME.left;
        let mut y = self.below + 16.0;
        for (name, colour, swatch) in entries {
            let wide = 24.0 + width(name, 12.0);
            if x + wide > FRAME.right && x > FRAME.left {
                x = FRAME.left;
                y += 17.0;
            }
            let class = colour.class();
            let middle = (x + 8.0, y - 4.0);
            match swatch {
                Swatch::Line => {
                    self.line(&format!("l {class}"), (x, middle.1), (x + 16.0, middle.1));
                }
                Swatch::Dot => self.dot(&format!("d f {class}"), middle, 3.5),
                Swatch::Band => self.rect(&format!("b f {class}"), (x, y - 10.0), (16.0, 11.0)),
                Swatch::Area => self.rect(&format!("f {class}"), (x + 2.0, y - 10.0), (11.0, 11.0)),
            }
            self.text("", (x + 21.0, y), Anchor::Start, name);
            x += wide + 14.0;
        }
        self.below = y + 6.0;
    }

    /// Adds a sentence in the middle, in place of a picture.
    pub(super) fn say(&mut self, sentence: &str) {
        let middle = f64::midpoint(FRAME.left, FRAME.right);
        for (line, text) in (0u8..).zip(lines(sentence, 15.0)) {
            let y = 220.0 + 20.0 * f64::from(line);
            self.text("said", (middle, y), Anchor::Middle, &text);
        }
    }

    /// Adds a text whose baseline is at that place.
    pub(super) fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        if text.is_empty() {
            return;
        }
        let class = attribute("class", class);
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let text = escape(text);
        self.push(&format!(
            "<text{class} x=\"{x:.1}\" y=\"{y:.1}\"{anchor}>{text}</text>"
        ));
    }

    /// Adds a straight line.
    pub(super) fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.push(&format!(
            "<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>"
        ));
    }

    /// Adds a filled rectangle from its upper left corner.
    pub(super) fn rect(&mut self, class: &str, (x, y): (f64, f64), (wide, high): (f64, f64)) {
        self.push(&format!(
            "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{high:.1}\"/>"
        ));
    }

    /// Adds a path; `opacity` is for what would hide what is below.
    pub(super) fn path(&mut self, class: &str, d: &str, opacity: f64) {
        let opacity = if opacity < 1.0 {
            format!(" opacity=\"{opacity:.2}\"")
        } else {
            String::new()
        };
        self.push(&format!("<path class=\"{class}\"{opacity} d=\"{d}\"/>"));
    }

    /// Adds a dot.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), radius: f64) {
        self.push(&format!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
        ));
    }

    /// Returns the whole picture.
    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn heading(&mut self, class: &str, size: f64, step: f64, text: &str) {
        for line in lines(text, size) {
            self.below += step;
            let at = (FRAME.left, self.below - 5.0);
            self.text(class, at, Anchor::Start, &line);
        }
    }

    fn push(&mut self, element: &str) {
        self.text.push_str(element);
        self.text.push('\n');
    }
}

/// Returns about how wide a text is: no font is asked, so this is on the wide side of sans-serif ones.
pub(super) fn width(text: &str, size: f64) -> f64 {
    text.chars().map(|it| size * advance(it)).sum()
}

fn advance(letter: char) -> f64 {
    match letter {
        ' ' | '.' | ',' | ':' | ';' | '\'' | 'i' | 'j' | 'l' | '|' | 'I' | 't' | 'f' | 'r'
        | '(' | ')' => 0.38,
        'm' | 'w' | 'M' | 'W' | '%' | '→' => 0.95,
        'A'..='Z' => 0.7,
        _ => 0.6,
    }
}

/// Breaks a text at spaces into lines that fit the sheet.
fn lines(text: &str, size: f64) -> Vec<String> {
    let room = FRAME.right - FRAME.left;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) + size < room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn attribute(name: &str, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    format!(" {name}=\"{value}\"")
}

/// Returns a text that means itself in XML; what XML cannot hold becomes a replacement character.
fn escape(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, it| {
        match it {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            it if it.is_control() || matches!(it, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            it => out.push(it),
        }
        out
    })
}
