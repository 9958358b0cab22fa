import * as z from 'zod';
import { SECRET } from '../../core/ids.ts';
import { displayName, entityStatus, metadata } from './common.ts';

export const publisherSchema = z.strictObject({ name: displayName, status: entityStatus, metadata });

// Nothing asks whether an advertiser is paused: a state that changes nothing would mislead.
const advertiserStatus = z.enum(['active', 'archived']).default('active');

export const advertiserSchema = publisherSchema.extend({ status: advertiserStatus });

export const securityToken = z.string().regex(SECRET, 'must be 16 to 128 letters, digits, "-" or "_"');

/** At creation an advertiser also takes the token of its sender. */
export const newAdvertiserSchema = advertiserSchema.extend({ security_token: securityToken.optional() });
