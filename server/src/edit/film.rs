//! The script of a video, as a tree that edits are put onto.
//!
//! The text of a script comes in with the values of its variables; the same film as `.vfx` goes out, with one output.

use uuid::Uuid;
use vfxb_dsl::diagnostic::Diagnostic;
use vfxb_dsl::lower;
use vfxb_dsl::print::convert;
use vfxb_dsl::source::SourceMap;
use vfxb_dsl::syntax::node::{Document, Node, Value};
use vfxb_dsl::syntax::{self, Spelling};
use vfxb_engine::effect::registry::catalogue;

use crate::model::{ScriptSpelling, ScriptText};

/// The kinds of nodes that make up what is seen and heard; what else stands at the top is settings and names.
const BODY: [&str; 5] = ["timeline", "overlays", "audio", "captions", "adjust"];

/// A film as nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Film {
    nodes: Vec<Node>,
}

impl Film {
    /// The film that an uploaded video is.
    pub fn of_upload(id: Uuid) -> Film {
        let video = Node::new("video").with(Value::literal(&format!("video:{id}")));
        let timeline = Node::new("timeline").with_children(vec![video]);
        let output = Node::new("output").with(Value::literal("result.mp4"));
        Film { nodes: vec![timeline, output] }
    }

    /// The film that a script writes into `output`, or into its only one. Variables keep the values that they have.
    ///
    /// # Errors
    /// What is wrong with the text; a script that was rendered has nothing.
    pub fn read(script: &ScriptText, output: Option<&str>) -> Result<Film, Vec<Diagnostic>> {
        let spelling = match script.spelling {
            ScriptSpelling::Vfx => Spelling::Vfx,
            ScriptSpelling::Yaml => Spelling::Yaml,
        };
        let mut map = SourceMap::new();
        let file = map.add("script", "", script.text.as_str());
        let (document, mut findings) = syntax::parse(&map, file, spelling);
        findings.retain(Diagnostic::is_error);
        let Some(document) = document.filter(|_| findings.is_empty()) else { return Err(findings) };
        let (nodes, mut findings) = lower::nodes(&document, &catalogue());
        findings.retain(Diagnostic::is_error);
        if !findings.is_empty() {
            return Err(findings);
        }
        let mut film = Film { nodes: nodes.into_owned() };
        film.keep_output(output);
        for (name, value) in &script.vars {
            film.bind(name, value);
        }
        Ok(film)
    }

    /// Leaves one output.
    fn keep_output(&mut self, name: Option<&str>) {
        let mut kept = false;
        self.nodes.retain(|node| {
            let wanted = node.kind.value != "output"
                || (!kept && name.is_none_or(|name| file_of(node).is_some_and(|file| file == name)));
            kept |= wanted && node.kind.value == "output";
            wanted
        });
        if !kept {
            self.nodes.push(Node::new("output").with(Value::literal("result.mp4")));
        }
    }

    /// Gives a variable its value for good.
    fn bind(&mut self, name: &str, value: &str) {
        let of_name = |node: &&mut Node| {
            node.kind.value == "var" && node.name.as_ref().is_some_and(|bound| bound.value == name)
        };
        if let Some(node) = self.nodes.iter_mut().find(of_name) {
            node.positional = vec![Value::literal(value)];
        }
    }

    /// As `.vfx`.
    ///
    /// # Errors
    /// If the tree holds something that has no spelling; ours do not.
    pub fn text(&self) -> Result<String, Vec<Diagnostic>> {
        convert(&Document::Nodes(self.nodes.clone()), Spelling::Vfx, &catalogue())
    }

    /// As a script without variables from outside.
    ///
    /// # Errors
    /// As [`Film::text`].
    pub fn script(&self) -> Result<ScriptText, Vec<Diagnostic>> {
        let (text, vars) = (self.text()?, Default::default());
        Ok(ScriptText { text, spelling: ScriptSpelling::Vfx, vars })
    }

    /// Writes an edit onto what there is: onto the only item, if it `fits`, else onto a group of all there is, of the
    /// size `canvas`, which is the film's own.
    pub(super) fn edit(
        &mut self,
        canvas: Option<(u32, u32)>,
        fits: impl FnOnce(&Node) -> bool,
        edit: impl FnOnce(&mut Node),
    ) {
        if let Some(item) = self.only_item().filter(|item| fits(item)) {
            return edit(item);
        }
        if let (None, Some(size)) = (self.canvas_size(), canvas) {
            self.set_canvas(size);
        }
        let (body, rest): (Vec<Node>, Vec<Node>) =
            std::mem::take(&mut self.nodes).into_iter().partition(|n| BODY.contains(&n.kind.value.as_str()));
        self.nodes = rest;
        let mut group = Node::new("group").with_children(body);
        if let Some(size) = self.canvas_size() {
            group.set("size", size);
        }
        edit(&mut group);
        let timeline = Node::new("timeline").with_children(vec![group]);
        let place = self.before_output();
        self.nodes.insert(place, timeline);
    }

    /// The only item of a film that is nothing else.
    fn only_item(&mut self) -> Option<&mut Node> {
        let of_body = |node: &&mut Node| BODY.contains(&node.kind.value.as_str());
        let settings = ["defaults", "style"];
        if self.nodes.iter().any(|node| settings.contains(&node.kind.value.as_str())) {
            return None;
        }
        let mut bodies = self.nodes.iter_mut().filter(of_body);
        let timeline = bodies.next().filter(|node| node.kind.value == "timeline")?;
        match (timeline.children.as_deref_mut(), bodies.next()) {
            (Some([item]), None) if matches!(item.kind.value.as_str(), "video" | "group") => Some(item),
            _ => None,
        }
    }

    /// Where a node goes that stands before the output.
    fn before_output(&self) -> usize {
        self.nodes.iter().position(|n| n.kind.value == "output").unwrap_or(self.nodes.len())
    }

    /// The canvas's size as it is written, if it is.
    pub(super) fn canvas_size(&self) -> Option<Value> {
        let canvas = self.nodes.iter().find(|node| node.kind.value == "canvas")?;
        canvas.positional.first().or_else(|| canvas.field("size")).cloned()
    }

    /// Gives the canvas a size in pixels.
    pub(super) fn set_canvas(&mut self, (width, height): (u32, u32)) {
        let size = Value::plain(format!("{width}x{height}"));
        match self.nodes.iter_mut().find(|node| node.kind.value == "canvas") {
            Some(canvas) => {
                canvas.positional.clear();
                canvas.unset("size");
                canvas.positional.push(size);
            }
            None => self.nodes.insert(0, Node::new("canvas").with(size)),
        }
    }

    /// Paints something over all that is there.
    pub(super) fn overlay(&mut self, node: Node) {
        if let Some(children) =
            self.nodes.iter_mut().rfind(|n| n.kind.value == "overlays").and_then(|n| n.children.as_mut())
        {
            children.push(node);
            return;
        }
        let place = self.before_output();
        self.nodes.insert(place, Node::new("overlays").with_children(vec![node]));
    }

    /// The output.
    pub(super) fn output(&mut self) -> Option<&mut Node> {
        self.nodes.iter_mut().find(|node| node.kind.value == "output")
    }

    /// Whether the output has another size than the canvas.
    pub fn is_scaled(&self) -> bool {
        self.nodes
            .iter()
            .filter(|node| node.kind.value == "output")
            .any(|node| node.field("size").is_some() || node.field("resolution").is_some())
    }
}

/// The file that an output node names.
fn file_of(output: &Node) -> Option<&str> {
    output.positional.first().or_else(|| output.field("file")).and_then(Value::as_text)
}
