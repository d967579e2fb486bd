//! `/api/auth/*`: registering, logging in, and who one is. Where there is no login, 409 to the first two.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::{App, Caller};
use crate::auth::password;
use crate::auth::token::Tokens;
use crate::error::{ApiError, ErrorBody, Kind};
use crate::http::body::Checked;
use crate::model::User;
use crate::store::StoreError;

pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(login)).routes(routes!(me))
}

/// Who registers or logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// Upper and lower case are the same.
    #[schema(max_length = 254, pattern = r"^\s*[^\s@]+@[^\s@]+\.[^\s@]+\s*$", example = "ada@example.org")]
    email: String,
    /// Kept as a hash alone.
    #[schema(min_length = 8, max_length = 1024, example = "correct horse battery")]
    password: String,
}

impl Credentials {
    fn email(&self) -> String {
        self.email.trim().to_lowercase()
    }
}

/// A user, as users see themselves.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserView {
    /// Names the user everywhere.
    id: Uuid,
    /// In lower case.
    email: String,
    /// When it was registered.
    created_at: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> UserView {
        UserView { id: user.id, email: user.email, created_at: user.created_at }
    }
}

/// A login.
#[derive(Serialize, ToSchema)]
struct LoggedIn {
    /// True.
    success: bool,
    /// Who.
    user: UserView,
    /// To be sent as `Authorization: Bearer …`.
    token: String,
}

/// Who one is.
#[derive(Serialize, ToSchema)]
struct Me {
    /// True.
    success: bool,
    /// Who.
    user: OwnView,
}

/// A user, with what is for this user's eyes alone.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OwnView {
    /// Names the user everywhere.
    id: Uuid,
    /// In lower case; nothing where there is no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    email: Option<String>,
    /// When it was registered; nothing where there is no login.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    created_at: Option<Timestamp>,
    /// What your renders' webhooks are signed with: their `X-Vfxb-Signature` is `v1=` and the HMAC-SHA256, in
    /// hexadecimal and with this text as its key, of `X-Vfxb-Timestamp`, a dot, and the body.
    webhook_secret: String,
}

/// Registers a user, and logs in.
#[utoipa::path(
    post,
    path = "/api/auth/register",
    tag = "users",
    security(()),
    request_body = Credentials,
    responses(
        (status = 201, body = LoggedIn),
        (status = 400, body = ErrorBody),
        (status = 403, body = ErrorBody, description = "Registration is closed"),
        (status = 409, body = ErrorBody, description = "Registered already, or there is no login here"),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
async fn register(
    State(app): State<App>,
    Checked(credentials): Checked<Credentials>,
) -> Result<(StatusCode, Json<LoggedIn>), ApiError> {
    let tokens = tokens(&app)?;
    if !app.config.registration {
        let message = "Nobody can register here any more; ask whoever runs this service.";
        return Err(ApiError { code: Some("registration_closed"), ..ApiError::new(Kind::Refused, message) });
    }
    let email = credentials.email();
    let password_hash = password::hash(credentials.password).await?;
    let user = User { id: Uuid::new_v4(), email, password_hash, created_at: Timestamp::now() };
    app.store.add_user(&user).await.map_err(|error| match error {
        StoreError::Taken => ApiError::new(Kind::Conflict, "This email is registered already; log in."),
        other => other.into(),
    })?;
    Ok((StatusCode::CREATED, Json(logged_in(tokens, user)?)))
}

/// Logs in.
#[utoipa::path(
    post,
    path = "/api/auth/login",
    tag = "users",
    security(()),
    request_body = Credentials,
    responses(
        (status = 200, body = LoggedIn),
        (status = 400, body = ErrorBody),
        (status = 401, body = ErrorBody, description = "Unknown email or wrong password: nobody is told which"),
        (status = 409, body = ErrorBody, description = "There is no login here"),
        (status = 413, body = ErrorBody),
        (status = 415, body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
async fn login(
    State(app): State<App>,
    Checked(credentials): Checked<Credentials>,
) -> Result<Json<LoggedIn>, ApiError> {
    let tokens = tokens(&app)?;
    let user = app.store.user_by_email(&credentials.email()).await?;
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = password::verify(credentials.password, hash).await?;
    match user.filter(|_| right) {
        Some(user) => logged_in(tokens, user).map(Json),
        None => Err(ApiError {
            code: Some("wrong_credentials"),
            ..ApiError::new(Kind::NoToken, "The email or the password is wrong.")
        }),
    }
}

/// Who one is.
///
/// Where there is no login, the one user there is.
#[utoipa::path(
    get,
    path = "/api/auth/me",
    tag = "users",
    responses(
        (status = 200, body = Me),
        (status = 401, body = ErrorBody),
        (status = 403, body = ErrorBody),
        (status = 429, body = ErrorBody),
    )
)]
async fn me(State(app): State<App>, caller: Caller) -> Result<Json<Me>, ApiError> {
    let user = app.store.user(caller.owner).await?;
    if user.is_none() && app.tokens.is_some() {
        let gone = "This token is of a user who is not there any more.";
        return Err(ApiError::new(Kind::Forbidden, gone));
    }
    let (email, created_at) = user.map(|user| (user.email, user.created_at)).unzip();
    // In memory since the service began.
    let secret = app.webhook_secrets.of(caller.owner);
    let secret = secret.map_err(|error| ApiError::internal(format!("the webhooks' secret: {error}")))?;
    let webhook_secret = secret.reveal().to_owned();
    Ok(Json(Me { success: true, user: OwnView { id: caller.owner, email, created_at, webhook_secret } }))
}

fn tokens(app: &App) -> Result<&Tokens, ApiError> {
    app.tokens.as_deref().ok_or_else(|| ApiError {
        code: Some("open_mode"),
        ..ApiError::new(
            Kind::Conflict,
            "There is no login here: this service runs for one user, without JWT_SECRET, and needs no token.",
        )
    })
}

fn logged_in(tokens: &Tokens, user: User) -> Result<LoggedIn, ApiError> {
    let token = tokens.issue(user.id).ok_or_else(|| ApiError::internal("a token cannot be made"))?;
    Ok(LoggedIn { success: true, user: user.into(), token })
}
