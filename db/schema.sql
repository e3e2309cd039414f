-- The directory of people. Running this again changes nothing.

CREATE TABLE IF NOT EXISTS users (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Compared without regard to case: see the index below.
  handle text NOT NULL CHECK (handle ~ '^[A-Za-z0-9_]{1,30}$'),
  display_name text NOT NULL CHECK (char_length(display_name) BETWEEN 1 AND 100),
  email text NOT NULL CHECK (char_length(email) BETWEEN 3 AND 254),
  -- The `sub` of the person's tokens; absent until the person first signed up with the identity provider.
  cognito_user_id text UNIQUE CHECK (char_length(cognito_user_id) BETWEEN 1 AND 255),
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE UNIQUE INDEX IF NOT EXISTS users_handle_key ON users (lower(handle));
