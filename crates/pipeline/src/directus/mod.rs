//! Directus: spoken to over its API.

mod administrator;
mod client;
mod server;
mod token;

pub use administrator::AdministratorError;
pub use client::{ApiError, Client};
pub(crate) use server::Server;
pub use server::ServerError;
pub use token::{ADMIN_TOKEN_LIFE, AdminUser, admin_token, admin_user};
