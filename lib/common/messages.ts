import { boardMessages } from './messages/board.js';
import { decoratorMessages } from './messages/decorators.js';
import { electionMessages } from './messages/elections.js';
import { leaseMessages } from './messages/leases.js';
import { mysqlMessages } from './messages/mysql.js';
import { optionMessages } from './messages/options.js';
import { postgresMessages } from './messages/postgres.js';
import { runMessages } from './messages/runs.js';
import { shutdownMessages } from './messages/shutdown.js';
import { storeMessages } from './messages/stores.js';
import { testingMessages } from './messages/testing.js';

/**
 * Every message of the package, as a function of what went wrong. A message says what happened, names the value, and
 * says what to do. `messages/` has a file for each subject.
 */
export const messages = {
  ...optionMessages,
  ...decoratorMessages,
  ...storeMessages,
  ...postgresMessages,
  ...leaseMessages,
  ...runMessages,
  ...electionMessages,
  ...shutdownMessages,
  ...boardMessages,
  ...mysqlMessages,
  ...testingMessages,
} as const;
