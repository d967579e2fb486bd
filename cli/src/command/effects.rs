//! `vfxb effects`: the manual, made from the registry.

use clap::Args;
use serde_json::{Value, json};
use vfxb_dsl::codes;
use vfxb_dsl::lower::closest;
use vfxb_dsl::vocabulary::{
    Catalogue, EFFECT_FIELDS, EffectSpec, FieldSpec, FieldType, GEOMETRY, Role, TRANSITION_FIELDS, described,
    later_effect, type_text,
};
use vfxb_engine::effect::registry;

use crate::Context;
use crate::layout::{Column, FAINT, HEADING, NAME, styled, table, wrapped};
use crate::stop::Stop;
use crate::terminal::placeless;

/// List the effects and transitions, or print the manual of one
#[derive(Args)]
pub(crate) struct Options {
    /// One of them
    name: Option<String>,
}

pub(crate) fn run(options: Options, context: &Context) -> Result<Value, Stop> {
    let terminal = &context.terminal;
    let catalogue = registry::catalogue();
    let Some(name) = options.name else {
        terminal.print(&list(&catalogue, terminal.width()))?;
        return Ok(json!({"effects": catalogue.listed().map(described).collect::<Vec<_>>()}));
    };
    let Some(spec) = catalogue.find(&name) else {
        if later_effect(&name).is_some() {
            let message = format!("`{name}` is not available yet");
            let help = "`vfxb effects` lists all that are".to_owned();
            return terminal.fail(placeless(codes::NOT_YET, message, Some(help)), Stop::Wrong);
        }
        let help = match closest(&name, catalogue.listed().map(|e| e.name)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`vfxb effects` lists all".into(),
        };
        let message = format!("no effect or transition is called `{name}`");
        return terminal.fail(placeless(codes::UNKNOWN_EFFECT, message, Some(help)), Stop::Wrong);
    };
    terminal.print(&manual(spec, terminal.width().min(100)))?;
    Ok(json!({"effects": [described(spec)]}))
}

fn heading(role: Role) -> &'static str {
    match role {
        Role::Picture => "effects on pictures",
        Role::Sound => "effects on sound",
        Role::Transition => "transitions",
    }
}

fn list(catalogue: &Catalogue, width: usize) -> String {
    let sections = [Role::Picture, Role::Sound, Role::Transition].into_iter().filter_map(|role| {
        let rows: Vec<Vec<String>> =
            catalogue.listed().filter(|e| e.role == role).map(|e| vec![e.name.into(), summary(e)]).collect();
        let columns = [Column::Left(NAME), Column::Left(anstyle::Style::new())];
        let listed =
            || format!("{}\n{}", styled(HEADING, heading(role)), table(&columns, None, &rows, width));
        (!rows.is_empty()).then(listed)
    });
    let hint = styled(FAINT, "`vfxb effects NAME` prints the manual of one.");
    sections.collect::<Vec<_>>().join("\n") + "\n" + &hint + "\n"
}

fn summary(effect: &EffectSpec) -> String {
    effect.doc.lines().next().unwrap_or_default().to_owned()
}

fn manual(effect: &EffectSpec, width: usize) -> String {
    let role = match effect.role {
        Role::Picture => "effect on pictures",
        Role::Sound => "effect on sound",
        Role::Transition => "transition",
    };
    let mut text = format!("{}  {}\n\n", styled(HEADING, effect.name), styled(FAINT, role));
    text.push_str(&wrapped(effect.doc, 2, width));
    if !effect.params.is_empty() {
        text.push_str(&format!("\n{}\n", styled(HEADING, "parameters")));
        effect.params.iter().for_each(|param| text.push_str(&parameter(param, width)));
    }
    let (common, title) = match effect.role {
        Role::Transition => (TRANSITION_FIELDS, "parameters of every transition"),
        Role::Picture | Role::Sound => (EFFECT_FIELDS, "parameters of every effect"),
    };
    // Crop, flip and rotate are fields in disguise: they act at their own step, wholly and all the time.
    if !GEOMETRY.iter().any(|g| g == effect) {
        text.push_str(&format!("\n{}\n", styled(HEADING, title)));
        let others = common.iter().filter(|param| param.name != "name");
        others.for_each(|param| text.push_str(&parameter(param, width)));
    }
    text.push_str(&format!("\n{}\n", styled(HEADING, "written")));
    let (vfx, yaml) = written(effect);
    let rows = [vec![vfx, ".vfx".into()], vec![yaml, ".yaml".into()]];
    text + &table(&[Column::Left(NAME), Column::Left(FAINT)], None, &rows, width)
}

fn parameter(param: &FieldSpec, width: usize) -> String {
    let mut facts: Vec<String> =
        Some(type_text(&param.ty)).filter(|text| !text.is_empty()).into_iter().collect();
    facts.extend(param.default.map(|default| format!("default {default}")));
    facts.extend(param.neutral.map(|neutral| format!("changes nothing at {neutral}")));
    if param.keyframes {
        facts.push("takes keyframes".into());
    }
    let line = format!("  {}  {}\n", styled(NAME, param.name), styled(FAINT, &facts.join(", ")));
    let mut text = line + &wrapped(param.doc, 6, width);
    if let FieldType::Word(words) = param.ty {
        let rows: Vec<Vec<String>> =
            words.iter().map(|(word, doc)| vec![format!("    {word}"), (*doc).into()]).collect();
        text.push_str(&table(&[Column::Left(NAME), Column::Left(anstyle::Style::new())], None, &rows, width));
    }
    text
}

/// One use in each spelling.
fn written(effect: &EffectSpec) -> (String, String) {
    let name = effect.name;
    if effect.role == Role::Transition {
        return (format!("transition {name} 1s"), format!("- {{transition: {name}, duration: 1s}}"));
    }
    let Some(first) = effect.params.first() else { return (format!("| {name}"), format!("- {name}")) };
    let example = first.default.unwrap_or(match first.ty {
        FieldType::Size => "1280x720",
        FieldType::Angle => "90deg",
        _ => "…",
    });
    if effect.positional > 0 {
        (format!("| {name} {example}"), format!("- {name}: {example}"))
    } else {
        let field = first.name;
        (format!("| {name} {field}:{example}"), format!("- {name}: {{{field}: {example}}}"))
    }
}
