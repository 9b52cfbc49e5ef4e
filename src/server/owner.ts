/** Whom everything here belongs to: a server of one's own has one owner. */
export const owner = {
  urn: 'tml:user:local',
  name: 'local',
  email: 'local@localhost',
  organization: 'local',
} as const;

/** The project of sessions that name none. Any other id is a project too, as soon as a session names it. */
export const defaultProjectId = 'default';
