-- The directory of people. Running this again changes nothing. Running it on a database of an older version brings its indexes up to date.

CREATE TABLE IF NOT EXISTS users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Compared without regard to ASCII case: see the index below.
  handle text NOT NULL CHECK (handle ~ '^[A-Za-z0-9_]{1,30}$'),
  display_name text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 100),
  email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
  -- The `sub` of the person's tokens; absent until the person first signed up with the identity provider.
  cognito_user_id text UNIQUE CHECK (char_length(cognito_user_id) BETWEEN 1 AND 255),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

-- COLLATE "C" folds and orders ASCII alike in every locale. Turkish ones have another lower case of I.
CREATE UNIQUE INDEX IF NOT EXISTS users_handle_ascii_key ON users (lower(handle COLLATE "C"));
DROP INDEX IF EXISTS users_handle_key;

-- The words of display names, in lower case, without ASCII punctuation: the search for people finds their beginnings.
CREATE INDEX IF NOT EXISTS users_display_name_words ON users USING gin (
  to_tsvector('simple', translate(lower(display_name COLLATE "C"), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
);
