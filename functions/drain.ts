import { app } from '@azure/functions';
import { services } from '../shared/services.ts';

app.hook.appTerminate(() => services?.drain());
