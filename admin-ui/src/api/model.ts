// Names for the shapes of the API. They are made from its OpenAPI document (`npm run types`), so that page and proxy
// cannot drift apart.
import type { components } from "./types.ts";

type Schemas = components["schemas"];

export type Allocator = Schemas["AllocatorView"];
export type AllocatorChange = Schemas["AllocatorChange"];
export type ClientList = Schemas["ClientList"];
export type Connect = Schemas["ConnectView"];
export type Created = Schemas["CreatedTenant"];
export type Curve = Schemas["CurveView"];
export type ErrorList = Schemas["ErrorList"];
export type History = Schemas["TotalHistory"];
export type Overview = Schemas["Overview"];
export type Quota = Schemas["QuotaView"];
export type QuotaChange = Schemas["QuotaChange"];
export type Row = Schemas["Row"];
export type Run = Schemas["RunView"];
export type Runs = Schemas["Runs"];
export type Session = Schemas["Session"];
export type Share = Schemas["Share"];
export type ShareHistory = Schemas["SharesView"];
export type Stats = Schemas["Stats"];
export type Tenant = Schemas["TenantView"];
export type TenantDecision = Schemas["TenantDecision"];
export type TenantFields = Schemas["TenantFields"];
export type TenantHistory = Schemas["TenantHistory"];
