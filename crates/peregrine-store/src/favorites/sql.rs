//! Favourites in SQL.

use super::record::Favorite;
use crate::Result;
use crate::database::FavoriteStore;
use crate::sql::{OrgDatabase, Subject, fold, values};
use async_trait::async_trait;

#[async_trait]
impl FavoriteStore for OrgDatabase {
    async fn favorites(&self, user: &str) -> Result<Vec<Favorite>> {
        let user = fold(user);
        self.read(move |tx, _| {
            tx.all(
                "SELECT * FROM favorites WHERE user_folded = ?1 ORDER BY type, name",
                values![&user],
                |row| {
                    Ok(Favorite {
                        r#type: row.get("type")?,
                        name: row.get("name")?,
                        description: row.get("description")?,
                        specs: row.get("specs")?,
                    })
                },
            )
        })
        .await
    }

    async fn put_favorite(&self, user: &str, favorite: Favorite, most: u64) -> Result<bool> {
        let user = fold(user);
        // As no user may have too many, they are counted by one writer at a time.
        self.write(Subject::Users, move |tx, _| {
            tx.execute(
                "INSERT INTO favorites (user_folded, type, name, description, specs)
                 SELECT ?1, ?2, ?3, ?4, ?5 WHERE (
                    SELECT count(*) FROM favorites WHERE user_folded = ?1 AND NOT (type = ?2 AND name = ?3)) < ?6
                 ON CONFLICT (user_folded, type, name)
                 DO UPDATE SET description = excluded.description, specs = excluded.specs",
                values![
                    &user,
                    &favorite.r#type,
                    &favorite.name,
                    &favorite.description,
                    &favorite.specs,
                    most
                ],
            )
        })
        .await
        .map(|stored| stored > 0)
    }

    async fn delete_favorite(&self, user: &str, r#type: &str, name: &str) -> Result<bool> {
        let (user, r#type, name) = (fold(user), r#type.to_owned(), name.to_owned());
        self.write(Subject::Users, move |tx, _| {
            tx.execute(
                "DELETE FROM favorites WHERE user_folded = ?1 AND type = ?2 AND name = ?3",
                values![&user, &r#type, &name],
            )
        })
        .await
        .map(|deleted| deleted > 0)
    }
}
