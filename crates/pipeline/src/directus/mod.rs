//! Directus: spoken to over its API.

mod client;
mod token;

pub use client::{ApiError, Client};
pub use token::{ADMIN_TOKEN_LIFE, AdminUser, admin_token, admin_user};
