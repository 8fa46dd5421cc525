//! Collections that users keep.

use crate::*;

pub(super) async fn belong_to_a_user(db: &impl Database) {
    let favorite = |r#type: &str, name: &str, specs: &str| Favorite {
        r#type: r#type.into(),
        name: name.into(),
        description: String::new(),
        specs: specs.into(),
    };
    let put = async |user: &str, favorite: Favorite| db.put_favorite(user, favorite, 3).await.unwrap();
    for (name, specs) in [("b", "1"), ("a", "1"), ("b", "2")] {
        assert!(put("Jana", favorite("CLIENT", name, specs)).await);
    }
    assert!(put("jana", favorite("SERVER", "a", "1")).await, "another type");
    assert!(!put("jana", favorite("SERVER", "b", "1")).await, "one too many");
    assert!(
        put("jana", favorite("CLIENT", "a", "3")).await,
        "that is no new one"
    );
    assert!(put("other", favorite("CLIENT", "a", "4")).await);
    assert_eq!(
        db.favorites("JANA").await.unwrap(),
        [
            favorite("CLIENT", "a", "3"),
            favorite("CLIENT", "b", "2"),
            favorite("SERVER", "a", "1")
        ]
    );
    assert!(db.delete_favorite("JANA", "CLIENT", "a").await.unwrap());
    assert!(!db.delete_favorite("jana", "CLIENT", "a").await.unwrap());
    db.delete_user("jana").await.unwrap();
    assert!(db.favorites("jana").await.unwrap().is_empty());
    assert_eq!(db.favorites("other").await.unwrap().len(), 1);
}
