-- +goose Up

-- Whoever may log in. An id is never used again (AUTOINCREMENT), so a user created anew is another one.
CREATE TABLE users (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    name          TEXT    NOT NULL CHECK (name <> ''),
    kind          TEXT    NOT NULL CHECK (kind IN ('supervisor', 'agent')),
    account       TEXT    NOT NULL CHECK (account <> ''),
    pbx           TEXT    NOT NULL DEFAULT '',
    extension     TEXT    NOT NULL DEFAULT '',
    password_hash TEXT    NOT NULL,
    version       INTEGER NOT NULL DEFAULT 1, -- rises with each new password
    created_at    TEXT    NOT NULL,           -- RFC 3339, UTC
    updated_at    TEXT    NOT NULL,
    CHECK ((kind = 'agent') = (pbx <> '') AND (kind = 'agent') = (extension <> ''))
);
CREATE UNIQUE INDEX users_name ON users (lower(name));
CREATE UNIQUE INDEX users_extension ON users (account, pbx, extension) WHERE kind = 'agent';

-- What processes compare to see that another one has changed something.
CREATE TABLE revisions (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
);
INSERT INTO revisions (name, value) VALUES ('users', 1);

-- +goose StatementBegin
CREATE TRIGGER users_inserted AFTER INSERT ON users BEGIN
    UPDATE revisions SET value = value + 1 WHERE name = 'users';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_updated AFTER UPDATE OF name, kind, account, pbx, extension, version ON users BEGIN
    UPDATE revisions SET value = value + 1 WHERE name = 'users';
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER users_deleted AFTER DELETE ON users BEGIN
    UPDATE revisions SET value = value + 1 WHERE name = 'users';
END;
-- +goose StatementEnd
