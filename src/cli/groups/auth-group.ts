import { examples, type Group } from './start.ts';

export const authGroup: Group = {
  name: 'auth',
  description: 'Manage authentication credentials.',
  examples: ['auth login', 'auth status'],
  addCommands(group, start) {
    group
      .command('login')
      .description('Check an API key and store it, for this program and the official one.')
      .addHelpText('after', examples('auth login', 'auth login < key.txt'))
      .action(() => start(async (context) => (await import('../commands/auth-login.ts')).login(context)));
    group
      .command('logout')
      .description('Forget the stored API key.')
      .addHelpText('after', examples('auth logout'))
      .action(() => start(async (context) => (await import('../commands/auth-logout.ts')).logout(context)));
    group
      .command('status')
      .description('Show whether there is a key and whether the server takes it.')
      .addHelpText('after', examples('auth status'))
      .action(() =>
        start(async (context) => (await import('../commands/auth-status.ts')).showStatus(context)),
      );
    group
      .command('whoami')
      .description('Show who the key belongs to.')
      .addHelpText('after', examples('auth whoami'))
      .action(() => start(async (context) => (await import('../commands/auth-whoami.ts')).whoami(context)));
  },
};
