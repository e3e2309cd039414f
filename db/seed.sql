-- People to develop and try things out with: made up, with addresses that reach nobody.
-- Running this again changes nothing.

INSERT INTO users (id, handle, display_name, email, cognito_user_id) VALUES
  ('1d5fd52f-2316-4645-ba04-d039a8eb353c', 'andrewbrown', 'Andrew Brown', 'andrewbrown@example.com', '4452a36f-96f0-4492-b878-838e4a6468e5'),
  ('5f0c3401-1b0e-4618-93a2-79616cdd19bd', 'bayko', 'Andrew Bayko', 'bayko@example.com', 'c91cbf9e-920d-4ddc-9919-34b2d4d8b2bb'),
  ('49298e48-68ff-420a-95f1-7fbace3c5219', 'londo', 'Londo Mollari', 'londo@example.com', 'e180b92b-a6b6-4249-8708-9b68e323c6af'),
  ('52674be2-406b-4fbd-9c73-5bdcb09cde42', 'mireille', 'Mireille Dubé', 'mireille@example.com', 'd26e8999-a7ef-42d7-aab1-4404def5f516'),
  ('467b25a2-de69-40e7-82d7-eff0da94410a', 'tamsin', 'Tamsin Okafor', 'tamsin@example.com', '547262f9-216c-49b8-be34-76f5141697ea'),
  ('581a3d74-06eb-4481-a622-a1653b6fcfa1', 'oskar', 'Oskar Lindgård', 'oskar@example.com', '496ea0cf-224d-4879-b502-4c8deb547175'),
  ('f2a65777-873d-449f-aad2-dc3f06d0b7f3', 'noor', 'Noor Haddad', 'noor@example.com', 'e0b9b6ea-dadc-412b-b2ed-bcb33902b268'),
  ('b403f6d1-73bf-4263-863e-82a62c6817b5', 'pip', 'Pip Quillfeather', 'pip@example.com', '7176274a-6905-421b-aa48-7d6fb8218e86')
ON CONFLICT DO NOTHING;
