import './health.ts';
import './receive-notifications.ts';
import './receive-lifecycle-notifications.ts';
import './process-mailbox-work.ts';
import './renew-subscriptions.ts';
import './reconcile-mailboxes.ts';
import './manage-mailboxes.ts';
import './drain.ts';
