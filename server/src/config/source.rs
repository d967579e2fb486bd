//! Where settings come from: the command line, then the environment, then `.env`, then a YAML file, then the table's
//! defaults.
//!
//! Texts come in; a [`Reading`] goes out: the configuration or every finding, and what was read from where, for
//! `vfxb serve --check`. Rules between settings stand here too.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Config;
use super::settings::{SETTINGS, Setting, setting};

/// The file beside which the service is started, as tools of many languages read it.
const DOTENV: &str = ".env";

/// What a secret looks like wherever it is shown.
const MASK: &str = "********";

/// Bytes that a login's secret has at least: as long as what HMAC-SHA256 gives (RFC 8725 §3.5, RFC 7518 §3.2).
const SECRET_BYTES: usize = 32;

/// What examples and tutorials have in their secrets, in lower case and without signs.
const WELL_KNOWN: [&str; 13] = [
    "changeme",
    "changethis",
    "changein",
    "yoursecret",
    "yoursuper",
    "yourjwt",
    "supersecret",
    "defaultsecret",
    "jwtsecret",
    "secretkey",
    "mysecret",
    "fallbacksecret",
    "developmentsecret",
];

/// What names of the old backend's settings begin with that mean nothing any more.
const REDIS: &str = "REDIS_";

/// Where settings may come from.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// Names and texts of the command line.
    pub flags: Vec<(&'static str, String)>,
    /// The process's environment.
    pub environment: Vec<(String, String)>,
    /// The text of the folder's `.env`.
    pub dotenv: Option<String>,
    /// A YAML file: its path and its text.
    pub file: Option<(PathBuf, String)>,
    /// Where relative paths start.
    pub folder: PathBuf,
}

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    CommandLine,
    /// The environment.
    Environment,
    /// `.env`.
    DotEnv,
    /// The file.
    File,
    /// The table.
    Default,
}

impl Origin {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Origin::CommandLine => "command line",
            Origin::Environment => "environment",
            Origin::DotEnv => DOTENV,
            Origin::File => "file",
            Origin::Default => "default",
        }
    }
}

/// One setting as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its name.
    pub name: &'static str,
    /// What was written; masked if it is secret, empty if there is none.
    pub value: String,
    /// Where.
    pub origin: Origin,
}

/// Something wrong with a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which one; the file's path if it is the file itself.
    pub setting: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// What came of reading.
#[derive(Debug, Clone)]
pub struct Reading {
    /// What the service is told, or everything that is wrong with it.
    pub config: Result<Config, Vec<Finding>>,
    /// Every setting.
    pub rows: Vec<Row>,
    /// What is good to know.
    pub notes: Vec<String>,
}

/// Reads every setting.
pub fn read(sources: &Sources) -> Reading {
    let mut findings = Vec::new();
    let dotenv = dotenv_texts(sources, &mut findings);
    let file = file_texts(sources, &mut findings);
    let mut config = Config::blank();
    let mut rows = Vec::new();
    for setting in SETTINGS {
        let (text, origin) = find(setting, sources, &dotenv, &file);
        if let Err(help) = setting.read(&mut config, &text, &sources.folder) {
            let value = shown(setting, &text);
            let message = format!("`{}` is `{value}` in the {}", setting.name, origin.name());
            findings.push(Finding { setting: setting.name.to_owned(), message, help });
        }
        rows.push(Row { name: setting.name, value: shown(setting, &text), origin });
    }
    between(&config, &mut findings);
    let notes = notes(sources, &dotenv, &file);
    Reading { config: if findings.is_empty() { Ok(config) } else { Err(findings) }, rows, notes }
}

/// The text that counts for a setting. An empty text is no value: compose files write such.
fn find(setting: &Setting, sources: &Sources, dotenv: &Texts, file: &Texts) -> (String, Origin) {
    let flag = sources.flags.iter().find(|(name, _)| *name == setting.name).map(|(_, text)| text);
    let variable = sources.environment.iter().find(|(name, _)| name == setting.name).map(|(_, text)| text);
    let candidates = [
        (flag, Origin::CommandLine),
        (variable, Origin::Environment),
        (dotenv.get(setting.name), Origin::DotEnv),
        (file.get(setting.name), Origin::File),
    ];
    let given = candidates
        .into_iter()
        .find_map(|(text, origin)| Some((text.filter(|t| !t.trim().is_empty())?, origin)));
    given.map_or_else(
        || (setting.default.to_owned(), Origin::Default),
        |(text, origin)| (text.trim().to_owned(), origin),
    )
}

fn shown(setting: &Setting, text: &str) -> String {
    if setting.secret && !text.is_empty() { MASK.to_owned() } else { text.to_owned() }
}

/// Texts by name.
type Texts = BTreeMap<String, String>;

/// What `.env` says, by name. Names that are no setting are for others, as in the environment.
fn dotenv_texts(sources: &Sources, findings: &mut Vec<Finding>) -> Texts {
    let text = sources.dotenv.as_deref().unwrap_or_default();
    let mut texts = Texts::new();
    for line in dotenvy::from_read_iter(text.as_bytes()) {
        let Ok((name, value)) = line else {
            // The error itself would show the line, and with it a secret.
            let message = format!("{DOTENV} cannot be read after {} names", texts.len());
            let help = "write one NAME=value a line, values with spaces or # in quotes".to_owned();
            findings.push(Finding { setting: DOTENV.to_owned(), message, help });
            break;
        };
        texts.insert(name, value);
    }
    texts
}

/// What the file says, by setting.
fn file_texts(sources: &Sources, findings: &mut Vec<Finding>) -> Texts {
    let Some((path, text)) = &sources.file else { return BTreeMap::new() };
    let fault = |message: String, help: &str| Finding {
        setting: path.display().to_string(),
        message,
        help: help.to_owned(),
    };
    if text.trim().is_empty() {
        return BTreeMap::new();
    }
    let read: BTreeMap<String, Value> = match serde_saphyr::from_str(text) {
        Ok(read) => read,
        Err(error) => {
            // The whole report would show lines of the file, and with them secrets.
            let place = error.location().map(|at| format!(", line {}, column {}", at.line(), at.column()));
            let message = format!("{}{} cannot be read", path.display(), place.unwrap_or_default());
            findings.push(fault(message, "write YAML: one `NAME: value` a line, each name once"));
            return BTreeMap::new();
        }
    };
    let mut texts = BTreeMap::new();
    for (name, value) in read {
        if name.starts_with(REDIS) {
            // Passed over, but for the note.
            texts.insert(name, String::new());
            continue;
        }
        let Some(known) = setting(&name) else {
            let near = vfxb_dsl::lower::closest(&name, SETTINGS.iter().map(|s| s.name));
            let help =
                near.map_or_else(|| "take it away".to_owned(), |near| format!("did you mean `{near}`?"));
            findings.push(fault(format!("there is no setting `{name}`"), &help));
            continue;
        };
        match plain(known, &value) {
            Ok(text) => drop(texts.insert(name, text)),
            Err(help) => findings.push(fault(format!("`{name}` cannot be read"), help)),
        }
    }
    texts
}

/// A value of the file as the environment would have it.
fn plain(setting: &Setting, value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Null => Ok(String::new()),
        Value::Bool(_) | Value::Number(_) if setting.secret => Err("put it in quotes"),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        Value::Array(items) => {
            let texts: Result<Vec<String>, _> = items.iter().map(|item| plain(setting, item)).collect();
            texts.map(|texts| texts.join(","))
        }
        Value::Object(_) => Err("write one value, or a list"),
    }
}

/// Rules between settings.
fn between(config: &Config, findings: &mut Vec<Finding>) {
    let mut find = |setting: &str, message: &str, help: &str| {
        findings.push(Finding { setting: setting.into(), message: message.into(), help: help.into() });
    };
    const MAKE: &str = "make one with `openssl rand -base64 48`";
    match &config.login {
        Some(login) if login.secret.reveal().len() < SECRET_BYTES => {
            find(
                "JWT_SECRET",
                &format!("`JWT_SECRET` has fewer than {SECRET_BYTES} bytes: it can be guessed"),
                MAKE,
            );
        }
        Some(login) if is_well_known(login.secret.reveal()) => {
            find("JWT_SECRET", "`JWT_SECRET` is one that everybody knows", MAKE);
        }
        None if !config.host.is_loopback() => {
            let message = format!(
                "`HOST` is {}, and without `JWT_SECRET` whoever reaches it may do everything",
                config.host
            );
            find("HOST", &message, "set JWT_SECRET, or listen on 127.0.0.1");
        }
        _ => {}
    }
    if config.quota < config.max_file_size {
        find("QUOTA", "`QUOTA` is less than `MAX_FILE_SIZE`", "let a user keep at least one file");
    }
}

fn is_well_known(secret: &str) -> bool {
    let plain: String =
        secret.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let mut distinct: Vec<u8> = secret.bytes().collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct.len() < 8 || WELL_KNOWN.iter().any(|known| plain.contains(known))
}

fn notes(sources: &Sources, dotenv: &Texts, file: &Texts) -> Vec<String> {
    let environment = sources.environment.iter().map(|(name, _)| name);
    if environment.chain(dotenv.keys()).chain(file.keys()).any(|name| name.starts_with(REDIS)) {
        vec!["REDIS_* is no longer needed: jobs and caches are kept in the database.".to_owned()]
    } else {
        Vec::new()
    }
}

impl Sources {
    /// The process's own: its environment, its folder and the `.env` there, with a file and flags if given.
    ///
    /// # Errors
    /// What cannot be read, and why.
    pub fn of_process(
        file: Option<&Path>,
        flags: Vec<(&'static str, String)>,
    ) -> Result<Sources, (PathBuf, std::io::Error)> {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        let read = |path: &Path| std::fs::read_to_string(path).map_err(|error| (path.to_owned(), error));
        let folder = std::env::current_dir().map_err(|error| (PathBuf::from("."), error))?;
        // A folder of that name is somebody else's.
        let dotenv = Some(folder.join(DOTENV)).filter(|path| path.is_file());
        Ok(Sources {
            flags,
            environment: std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect(),
            dotenv: dotenv.as_deref().map(read).transpose()?,
            file: file.map(|path| read(path).map(|text| (path.to_owned(), text))).transpose()?,
            folder,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sources(environment: &[(&str, &str)], file: Option<&str>) -> Sources {
        Sources {
            flags: Vec::new(),
            environment: environment.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            dotenv: None,
            file: file.map(|text| (PathBuf::from("vfxb.yaml"), text.to_owned())),
            folder: PathBuf::from("/here"),
        }
    }

    fn faults(environment: &[(&str, &str)], file: Option<&str>) -> Vec<String> {
        let findings = read(&sources(environment, file)).config.err().unwrap_or_default();
        findings.into_iter().map(|finding| finding.setting).collect()
    }

    const SECRET: &str = "kE9mQ2xv7Tz4Rb8Lw1Yc6Nf3Hs5Jd0Pg";

    #[test]
    fn nothing_configured_is_the_defaults() {
        assert_eq!(read(&sources(&[], None)).config.unwrap(), Config::local("/here"));
    }

    #[test]
    fn the_command_line_counts_before_the_environment_before_the_file() {
        let file = "PORT: 1\nMAX_FILE_SIZE: 7MB\nCORS_ORIGIN: [https://a.example, 'https://b.example/']\nRATE_LIMIT_AI: off\nQUOTA:\n";
        let mut sources = sources(
            &[("PORT", "2"), ("MAX_FILE_SIZE", ""), ("JWT_SECRET", SECRET), ("JWT_EXPIRES_IN", "2h")],
            Some(file),
        );
        sources.flags.push(("HOST", "0.0.0.0".to_owned()));
        let reading = read(&sources);
        let config = reading.config.unwrap();
        assert_eq!((config.port, config.max_file_size, config.rates.ai), (2, 7_000_000, None));
        assert_eq!(config.cors_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.login.unwrap().expires_in, Duration::from_secs(7200));
        let row = |name: &str| {
            reading.rows.iter().find(|row| row.name == name).map(|r| (r.value.as_str(), r.origin))
        };
        assert_eq!(row("HOST"), Some(("0.0.0.0", Origin::CommandLine)));
        assert_eq!(row("PORT"), Some(("2", Origin::Environment)));
        assert_eq!(row("MAX_FILE_SIZE"), Some(("7MB", Origin::File)));
        assert_eq!(row("QUOTA"), Some(("50GB", Origin::Default)));
        assert_eq!(row("JWT_SECRET"), Some(("********", Origin::Environment)));
    }

    #[test]
    fn a_short_or_well_known_secret_refuses_to_start() {
        let wrong = [
            "short",
            "0123456789abcdef0123456789abcde",
            "your-super-secret-jwt-key-change-this-in-production",
            "your_jwt_secret_your_jwt_secret_your",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "Change Me Change Me Change Me Change Me",
        ];
        for secret in wrong {
            assert_eq!(faults(&[("JWT_SECRET", secret)], None), ["JWT_SECRET"], "{secret}");
        }
        assert_eq!(faults(&[("JWT_SECRET", SECRET)], None), [""; 0]);
    }

    #[test]
    fn beyond_loopback_there_is_no_open_mode() {
        assert_eq!(faults(&[("HOST", "0.0.0.0")], None), ["HOST"]);
        assert_eq!(faults(&[("HOST", "::")], None), ["HOST"]);
        assert_eq!(faults(&[("HOST", "::1")], None), [""; 0]);
        assert_eq!(faults(&[("HOST", "0.0.0.0"), ("JWT_SECRET", SECRET)], None), [""; 0]);
    }

    #[test]
    fn every_finding_is_told_at_once_and_no_secret_with_it() {
        let environment = [
            ("PORT", "99999"),
            ("MAX_FILE_SIZE", "big"),
            ("JWT_SECRET", "hunter2"),
            ("METRICS_TOKEN", "hunter3"),
            ("HOST", "here"),
        ];
        let reading = read(&sources(
            &environment,
            Some("PROT: 1\nDATABASE_URL: postgres://x\nJWT_EXPIRES_IN: {a: 1}\n"),
        ));
        let findings = reading.config.unwrap_err();
        let mut settings: Vec<&str> = findings.iter().map(|f| f.setting.as_str()).collect();
        settings.sort_unstable();
        let expected = [
            "DATABASE_URL",
            "HOST",
            "JWT_SECRET",
            "MAX_FILE_SIZE",
            "METRICS_TOKEN",
            "PORT",
            "vfxb.yaml",
            "vfxb.yaml",
        ];
        assert_eq!(settings, expected);
        let said = format!("{findings:?}{:?}", reading.rows);
        assert!(!said.contains("hunter"), "{said}");
        assert!(findings.iter().any(|f| f.help.contains("`PORT`")), "{findings:?}");
        assert_eq!(faults(&[], Some("JWT_SECRET: [a\n")), ["vfxb.yaml"]);
        assert_eq!(faults(&[], Some("JWT_SECRET: 12345678901234567890123456789012\n")), ["vfxb.yaml"]);
    }

    #[test]
    fn redis_is_reported_once() {
        let reading =
            read(&sources(&[("REDIS_HOST", "x"), ("REDIS_PORT", "1"), ("REDIS_URL", "redis://")], None));
        assert!(reading.config.is_ok());
        assert_eq!(reading.notes.len(), 1);
        let file = "REDIS_HOST: x\nREDIS_CLUSTER: {nodes: [a, b]}\nPORT: 7\n";
        let reading = read(&sources(&[("REDIS_URL", "redis://")], Some(file)));
        assert_eq!(reading.config.unwrap().port, 7);
        assert_eq!(reading.notes.len(), 1);
        assert_eq!(read(&sources(&[], Some("PORT: 7\n"))).notes.len(), 0);
    }

    #[test]
    fn dotenv_counts_after_the_environment_and_before_the_file() {
        let mut sources =
            sources(&[("PORT", "2"), ("QUOTA", "")], Some("PORT: 1\nHOST: ::1\nJOBS_RUNNING: 9\n"));
        let text = "# settings\nPORT=3\nexport HOST='127.0.0.2' # ours\nQUOTA=\"70GB\"\nJOBS_RUNNING=\n\nREACT_APP_X=1\n";
        sources.dotenv = Some(format!("{text}JWT_SECRET={SECRET}\nREDIS_URL=redis://x\n"));
        let reading = read(&sources);
        let row = |name: &str| {
            reading.rows.iter().find(|row| row.name == name).map(|r| (r.value.as_str(), r.origin.name()))
        };
        assert_eq!(row("PORT"), Some(("2", "environment")));
        assert_eq!(row("HOST"), Some(("127.0.0.2", ".env")));
        assert_eq!(row("QUOTA"), Some(("70GB", ".env")));
        assert_eq!(row("JOBS_RUNNING"), Some(("9", "file")));
        assert_eq!(row("JWT_SECRET"), Some(("********", ".env")));
        assert_eq!(reading.notes.len(), 1);
        assert!(reading.config.is_ok(), "{:?}", reading.config);

        sources.dotenv = Some("PORT=3\nJWT_SECRET=hunter2 'hunter3\n".to_owned());
        let findings = read(&sources).config.unwrap_err();
        assert_eq!(findings.iter().map(|f| f.setting.as_str()).collect::<Vec<_>>(), [".env"]);
        assert!(!format!("{findings:?}").contains("hunter"), "{findings:?}");
    }
}
