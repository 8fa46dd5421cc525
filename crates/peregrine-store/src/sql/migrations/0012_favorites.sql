-- Collections that users keep to start them again. They belong to the user in all organisations.
CREATE TABLE favorites (
    user_folded {text} NOT NULL,
    type {text} NOT NULL,
    name {text} NOT NULL,
    description {text} NOT NULL,
    specs {text} NOT NULL,
    PRIMARY KEY (user_folded, type, name)
) {keyed};
