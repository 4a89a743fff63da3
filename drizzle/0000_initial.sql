CREATE TABLE `arrest_event` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`officer_id` integer NOT NULL,
	`subject_id` integer NOT NULL,
	`arrest_type_id` integer NOT NULL,
	`crime_type_id` integer NOT NULL,
	`arrested_at` integer NOT NULL,
	`version` integer DEFAULT 1 NOT NULL,
	CONSTRAINT "arrest_event_id" CHECK(typeof("arrest_event"."id") = 'integer' and "arrest_event"."id" between 1 and 9007199254740991),
	CONSTRAINT "arrest_event_officer_id" CHECK(typeof("arrest_event"."officer_id") = 'integer' and "arrest_event"."officer_id" between 1 and 9007199254740991),
	CONSTRAINT "arrest_event_subject_id" CHECK(typeof("arrest_event"."subject_id") = 'integer' and "arrest_event"."subject_id" between 1 and 9007199254740991),
	CONSTRAINT "arrest_event_arrest_type_id" CHECK(typeof("arrest_event"."arrest_type_id") = 'integer' and "arrest_event"."arrest_type_id" between 1 and 9007199254740991),
	CONSTRAINT "arrest_event_crime_type_id" CHECK(typeof("arrest_event"."crime_type_id") = 'integer' and "arrest_event"."crime_type_id" between 1 and 9007199254740991),
	CONSTRAINT "arrest_event_arrested_at" CHECK(typeof("arrest_event"."arrested_at") = 'integer' and "arrest_event"."arrested_at" between -62135596800000 and 253402300799999),
	CONSTRAINT "arrest_event_version" CHECK(typeof("arrest_event"."version") = 'integer' and "arrest_event"."version" between 1 and 9007199254740991)
);
--> statement-breakpoint
CREATE INDEX `arrest_event_by_officer_id` ON `arrest_event` ((id >> 17),`officer_id`);--> statement-breakpoint
CREATE INDEX `arrest_event_by_subject_id` ON `arrest_event` ((id >> 17),`subject_id`);--> statement-breakpoint
CREATE INDEX `arrest_event_by_arrest_type_id` ON `arrest_event` (`arrest_type_id`);--> statement-breakpoint
CREATE INDEX `arrest_event_by_crime_type_id` ON `arrest_event` (`crime_type_id`);--> statement-breakpoint
CREATE INDEX `arrest_event_by_arrested_at` ON `arrest_event` (`arrested_at`);--> statement-breakpoint
CREATE TABLE `arrest_event_change` (
	`id` integer PRIMARY KEY NOT NULL,
	`event_id` integer NOT NULL,
	`version` integer NOT NULL,
	`kind` text NOT NULL,
	`at` integer NOT NULL,
	`by` text,
	`request_id` text,
	`before` text,
	`after` text
);
--> statement-breakpoint
CREATE INDEX `arrest_event_change_by_version` ON `arrest_event_change` (`event_id`,`version`);--> statement-breakpoint
CREATE TABLE `consumer_offset` (
	`cluster` text NOT NULL,
	`topic` text NOT NULL,
	`partition` integer NOT NULL,
	`next_offset` integer NOT NULL,
	`topic_id` text,
	PRIMARY KEY(`cluster`, `topic`, `partition`),
	CONSTRAINT "consumer_offset_next_offset" CHECK(typeof("consumer_offset"."next_offset") = 'integer' and "consumer_offset"."next_offset" between 0 and 9007199254740991)
);
--> statement-breakpoint
CREATE TABLE `dead_letter` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`cluster` text NOT NULL,
	`topic` text NOT NULL,
	`partition` integer NOT NULL,
	`offset` integer NOT NULL,
	`reason` text NOT NULL,
	`refused_at` integer NOT NULL,
	`timestamp` integer,
	`refusals` text NOT NULL,
	`headers` text NOT NULL,
	`key` blob,
	`value` blob
);
--> statement-breakpoint
CREATE INDEX `dead_letter_by_topic` ON `dead_letter` (`topic`);--> statement-breakpoint
CREATE INDEX `dead_letter_by_partition` ON `dead_letter` (`partition`);--> statement-breakpoint
CREATE INDEX `dead_letter_by_reason` ON `dead_letter` (`reason`);--> statement-breakpoint
CREATE INDEX `dead_letter_by_refused_at` ON `dead_letter` (`refused_at`);--> statement-breakpoint
CREATE INDEX `dead_letter_by_cluster` ON `dead_letter` (`cluster`);--> statement-breakpoint
CREATE INDEX `dead_letter_by_size` ON `dead_letter` (octet_length("headers") + octet_length("refusals") + case when "key" is null then 0 else octet_length("key") end + case when "value" is null then 0 else octet_length("value") end);--> statement-breakpoint
CREATE TABLE `dead_letter_forwarding` (
	`cluster` text NOT NULL,
	`topic` text NOT NULL,
	`last_id` integer NOT NULL,
	PRIMARY KEY(`cluster`, `topic`)
);
--> statement-breakpoint
CREATE TABLE `idempotency_key` (
	`id` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`key` text NOT NULL,
	`fingerprint` text NOT NULL,
	`first_id` integer NOT NULL,
	`last_id` integer NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `idempotency_key_key_unique` ON `idempotency_key` (`key`);--> statement-breakpoint
CREATE TABLE `ingest_batch` (
	`first_id` integer PRIMARY KEY NOT NULL,
	`last_id` integer NOT NULL,
	`cluster` text NOT NULL,
	`topic` text NOT NULL,
	`partition` integer NOT NULL,
	`first_offset` integer NOT NULL,
	`last_offset` integer NOT NULL,
	`stored_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `store_identity` (
	`id` text PRIMARY KEY NOT NULL
);
