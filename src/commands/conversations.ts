import type pg from 'pg';
import { foldHandle, type User } from '../model.ts';
import { openDirectory } from '../users/directory.ts';
import { CommandError } from './operator.ts';

/** The people with these handles, in their order. */
export async function peopleOf(pool: pg.Pool, handles: readonly string[]): Promise<User[]> {
  const found = await openDirectory(pool).findByHandles(handles);
  return handles.map((handle) => {
    const user = found.find((each) => foldHandle(each.handle) === foldHandle(handle));
    if (!user) throw new CommandError(`Nobody in the directory has the handle ${handle}.`);
    return user;
  });
}

/** What people are called, by their id: their handle, or the id of an account that is gone. */
export async function namesOf(pool: pg.Pool, userIds: Iterable<string>): Promise<(userId: string) => string> {
  const users = await openDirectory(pool).findByIds([...new Set(userIds)]);
  const handles = new Map(users.map(({ id, handle }) => [id, handle]));
  return (userId) => handles.get(userId) ?? userId;
}
