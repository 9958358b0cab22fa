import { describe } from 'vitest';
import { clickOutageTests } from '../support/click-outage-tests.ts';

describe('clicks while storage is down for long', () => clickOutageTests({ seconds: 15 }));
