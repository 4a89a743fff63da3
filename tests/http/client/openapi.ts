export interface paths {
    "/arrest_events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List arrest events
         * @description Answers the arrest events that match all filters, in the order that `sort` says.
         *
         *     With `limit` the answer is a page, and `Link` leads to the next one, which begins behind the last event of this one: however deep it lies, it costs no more, and events that are written meanwhile neither repeat nor hide others.
         *
         *     Without `limit` all that match are streamed: the service holds a page of them at a time, however many there are, and waits for a slow reader; one that takes nothing for two minutes, unless that is set otherwise, is cut off. Only so many lists are streamed at once: one more is answered 503, unless it has 1,000 events at most. Events that are created while it runs are not in it. If reading fails on the way, the connection is cut before the end, so that a part is never taken for the whole.
         *
         *     The answer is a JSON array, a line of JSON for each event (`application/x-ndjson`), or CSV with a header line (`text/csv`, RFC 4180), as `Accept` or `format` asks for.
         */
        get: operations["listArrestEvents"];
        put?: never;
        /**
         * Create an arrest event
         * @description Creates an arrest event and answers it with the id that it was given. It is on the disk when the answer is sent. All members are required, and there are no others. With an `Idempotency-Key` the request can be sent again until it is answered, and creates the event once.
         */
        post: operations["createArrestEvent"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/arrest_events/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Create many arrest events
         * @description Creates up to 10,000 arrest events, all of them or none, and answers their ids. They are on the disk when the answer is sent. Each item keeps to the rules of a single arrest event; those that do not are named by their index, from 0. With an `Idempotency-Key` the request can be sent again until it is answered, and creates the events once.
         */
        post: operations["createArrestEvents"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/arrest_events/count": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Count arrest events
         * @description Counts the arrest events that match all filters; without any, all. When it takes longer, other requests are served in between: what is created or changed meanwhile may or may not be counted.
         */
        get: operations["countArrestEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/arrest_events/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Count arrest events by what they have in common
         * @description Counts the arrest events that match all filters by one or two of `officer_id`, `arrest_type_id`, `crime_type_id`, `hour`, `day`, `month`. Groups without events are left out; the others are in the ascending order of their values, the first of `group_by` before the second. Times are those of UTC. There are 10,000 groups at most: more answer 422, and want filters.
         *
         *     When it takes longer, other requests are served in between: what is created or changed meanwhile may or may not be counted.
         */
        get: operations["getArrestEventStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/arrest_events/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get an arrest event
         * @description Answers one arrest event by its id, with an `ETag` by which it can be asked for again, or changed, only if it has changed meanwhile, or only if not.
         */
        get: operations["getArrestEvent"];
        /**
         * Update an arrest event
         * @description Changes the members that are given, at least one, and answers the whole arrest event. The change is on the disk when the answer is sent. With `If-Match` it is made only while nobody else has changed the event.
         */
        put: operations["updateArrestEvent"];
        post?: never;
        /**
         * Delete an arrest event
         * @description Deletes an arrest event. Its id is never used again, and its history stays. The change is on the disk when the answer is sent. With `If-Match` it is made only while nobody else has changed the event.
         */
        delete: operations["deleteArrestEvent"];
        options?: never;
        head?: never;
        /**
         * Patch an arrest event
         * @description Changes the members that the merge patch (RFC 7396) has, at least one, and answers the whole arrest event. No member can be null: all of them are required. The change is on the disk when the answer is sent. With `If-Match` it is made only while nobody else has changed the event.
         */
        patch: operations["patchArrestEvent"];
        trace?: never;
    };
    "/arrest_events/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the history of an arrest event
         * @description Answers where an arrest event came from, and every change of it over HTTP: what it was and became, when, and by which request. A deleted event keeps its history. `Link` leads to later changes.
         */
        get: operations["getArrestEventHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dead_letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List dead letters
         * @description Answers the messages that were refused and wait for somebody to look after them, oldest first, without what they held. `Link` leads to the next page.
         */
        get: operations["listDeadLetters"];
        put?: never;
        post?: never;
        /**
         * Delete dead letters
         * @description Deletes the dead letters that match, oldest first, up to `limit` of them in one transaction, and with them the messages. At least one filter is required. While there are more, `Link` leads to where to send the next DELETE.
         */
        delete: operations["deleteDeadLetters"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dead_letters/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make arrest events of dead letters
         * @description Replays the dead letters that match, oldest first, up to `limit` of them in one transaction. Those that still are no valid arrest events stay as they are. While there are more, `Link` leads to where to POST next.
         */
        post: operations["replayDeadLetters"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dead_letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a dead letter
         * @description Answers one refused message, whole, with the reasons.
         */
        get: operations["getDeadLetter"];
        put?: never;
        post?: never;
        /**
         * Delete a dead letter
         * @description Deletes a dead letter, and with it the message: the service does not read it again.
         */
        delete: operations["deleteDeadLetter"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/dead_letters/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make an arrest event of a dead letter
         * @description Makes an arrest event of what the message held, or of the corrected event in the body, and deletes the dead letter, both or neither. Without a body it succeeds where the rules have changed since the message was refused.
         */
        post: operations["replayDeadLetter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/livez": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tell whether the process is alive
         * @description Answers as long as the process serves requests, whatever else fails: restarting it would help against nothing else.
         */
        get: operations["getLiveness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Tell whether the service is ready
         * @description Answers 503 when the store cannot be read or written, when there are as many dead letters as there may be, when the thread that writes is silent, and when the service is stopping. A Kafka that is out of reach does not make the service unready: its check is `degraded`, and HTTP goes on.
         */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get the metrics
         * @description Answers what the service counts and measures, in the text format of Prometheus. It answers as long as the process serves requests: when the part that writes to the store is held up, its metrics are the last that it told, and `arrest_events_writer_responding` is 0.
         */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/openapi.json": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get this description
         * @description Answers the OpenAPI 3.1 document that describes all that the service serves.
         */
        get: operations["getOpenApiDocument"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read and try this interface
         * @description Answers a page that shows this document and sends requests. It works offline.
         */
        get: operations["getDocs"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/docs/{file}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Get a file of the documentation page
         * @description Answers a stylesheet, script or image that the page at `/docs` needs.
         */
        get: operations["getDocsFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/problems/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Explain a kind of problem
         * @description Answers what the `type` of a problem document means.
         */
        get: operations["getProblem"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What is wrong with the query (RFC 9457). */
        QueryProblem: {
            /**
             * Format: uri-reference
             * @description The kind of problem: stable, and a link to its documentation.
             * @enum {string}
             */
            type: "/problems/bad-query" | "/problems/invalid-query";
            /** @description What this kind of problem is called. */
            title: string;
            /** @description The status of the answer. */
            status: number;
            /** @description What is wrong with this request. */
            detail: string;
            /**
             * Format: uri-reference
             * @description The path of the request, without its query.
             */
            instance: string;
            /** @description What is wrong, one entry for each parameter. */
            errors: {
                /** @description The name of the query parameter, cut off after 100 characters. */
                parameter: string;
                /** @description The rule that was broken. */
                detail: string;
            }[];
        };
        /** @description What went wrong (RFC 9457). */
        Problem: {
            /**
             * Format: uri-reference
             * @description The kind of problem: stable, and a link to its documentation.
             * @enum {string}
             */
            type: "/problems/bad-idempotency-key" | "/problems/malformed-body" | "/problems/cross-site" | "/problems/not-found" | "/problems/event-not-found" | "/problems/dead-letter-not-found" | "/problems/method-not-allowed" | "/problems/not-acceptable" | "/problems/body-timeout" | "/problems/request-under-way" | "/problems/precondition-failed" | "/problems/body-too-large" | "/problems/unsupported-media-type" | "/problems/idempotency-key-reused" | "/problems/store-unavailable" | "/problems/outcome-unknown" | "/problems/answer-timeout" | "/problems/too-many-streams" | "/problems/stopping";
            /** @description What this kind of problem is called. */
            title: string;
            /** @description The status of the answer. */
            status: number;
            /** @description What is wrong with this request. */
            detail: string;
            /**
             * Format: uri-reference
             * @description The path of the request, without its query.
             */
            instance: string;
        };
        /** @description A failure of the service (RFC 9457). */
        InternalProblem: {
            /**
             * Format: uri-reference
             * @description The kind of problem: stable, and a link to its documentation.
             * @enum {string}
             */
            type: "/problems/internal-error";
            /** @description What this kind of problem is called. */
            title: string;
            /** @description The status of the answer. */
            status: number;
            /** @description What is wrong with this request. */
            detail: string;
            /**
             * Format: uri-reference
             * @description The path of the request, without its query.
             */
            instance: string;
            /**
             * Format: uuid
             * @description The line of the log with the same `id` tells more.
             */
            id: string;
        };
        /** @description What is wrong with the body (RFC 9457). */
        BodyProblem: {
            /**
             * Format: uri-reference
             * @description The kind of problem: stable, and a link to its documentation.
             * @enum {string}
             */
            type: "/problems/invalid-event" | "/problems/invalid-batch" | "/problems/dead-letter-refused";
            /** @description What this kind of problem is called. */
            title: string;
            /** @description The status of the answer. */
            status: number;
            /** @description What is wrong with this request. */
            detail: string;
            /**
             * Format: uri-reference
             * @description The path of the request, without its query.
             */
            instance: string;
            /** @description What is wrong, one entry for each pointer. */
            errors: {
                /**
                 * Format: json-pointer
                 * @description The place in the body as a JSON Pointer (RFC 6901); empty for the body as a whole. A name in it is cut off after 100 characters.
                 */
                pointer: string;
                /** @description The rule that was broken. */
                detail: string;
            }[];
        };
        /** @description The arrest of one person by one officer. */
        ArrestEvent: {
            /**
             * Format: int64
             * @description Assigned by the service, never used again after a delete.
             * @example 12
             */
            id: number;
            /**
             * Format: int64
             * @description The arresting officer.
             * @example 7
             */
            officer_id: number;
            /**
             * Format: int64
             * @description The arrested person.
             * @example 1204
             */
            subject_id: number;
            /**
             * Format: int64
             * @description The type of the arrest.
             * @example 2
             */
            arrest_type_id: number;
            /**
             * Format: int64
             * @description The type of the crime.
             * @example 31
             */
            crime_type_id: number;
            /**
             * Format: date-time
             * @description When the arrest took place, in UTC, with milliseconds.
             * @example 2026-11-22T13:05:00.000Z
             */
            arrested_at: string;
        };
        /** @description An arrest event without its id. */
        NewArrestEvent: {
            /**
             * Format: int64
             * @description The arresting officer.
             * @example 7
             */
            officer_id: number;
            /**
             * Format: int64
             * @description The arrested person.
             * @example 1204
             */
            subject_id: number;
            /**
             * Format: int64
             * @description The type of the arrest.
             * @example 2
             */
            arrest_type_id: number;
            /**
             * Format: int64
             * @description The type of the crime.
             * @example 31
             */
            crime_type_id: number;
            /**
             * Format: date-time
             * @description When the arrest took place: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off.
             * @example 2026-11-22T14:05:00+01:00
             */
            arrested_at: string;
        };
        /** @description What became of a batch. */
        CreatedArrestEvents: {
            /** @description The ids of the arrest events, in the order of the items. */
            ids: number[];
        };
        /** @description Arrest events without their ids. */
        NewArrestEvents: components["schemas"]["NewArrestEvent"][];
        /** @description A number of arrest events. */
        ArrestEventCount: {
            /**
             * Format: int64
             * @description How many events there are.
             */
            count: number;
        };
        /** @description Arrest events that have something in common: the members of `group_by`. */
        ArrestEventGroup: {
            /**
             * Format: int64
             * @description The arresting officer.
             * @example 7
             */
            officer_id?: number;
            /**
             * Format: int64
             * @description The type of the arrest.
             * @example 2
             */
            arrest_type_id?: number;
            /**
             * Format: int64
             * @description The type of the crime.
             * @example 31
             */
            crime_type_id?: number;
            /**
             * @description The hour in UTC in which the arrests took place, by its beginning.
             * @example 2026-11-22T13:00Z
             */
            hour?: string;
            /**
             * Format: date
             * @description The day in UTC on which the arrests took place.
             * @example 2026-11-22
             */
            day?: string;
            /**
             * @description The month in UTC in which the arrests took place.
             * @example 2026-11
             */
            month?: string;
            /**
             * Format: int64
             * @description How many events there are.
             */
            count: number;
        };
        /** @description The members of an arrest event that are to change; the others stay as they are. */
        ArrestEventChanges: {
            /**
             * Format: int64
             * @description The arresting officer.
             * @example 7
             */
            officer_id?: number;
            /**
             * Format: int64
             * @description The arrested person.
             * @example 1204
             */
            subject_id?: number;
            /**
             * Format: int64
             * @description The type of the arrest.
             * @example 2
             */
            arrest_type_id?: number;
            /**
             * Format: int64
             * @description The type of the crime.
             * @example 31
             */
            crime_type_id?: number;
            /**
             * Format: date-time
             * @description When the arrest took place: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off.
             * @example 2026-11-22T14:05:00+01:00
             */
            arrested_at?: string;
        };
        /** @description What is known of an arrest event. */
        ArrestEventHistory: {
            /** @description Where it came from; null when that was not Kafka. */
            origin: components["schemas"]["ArrestEventOrigin"] | null;
            /** @description The changes over HTTP, the oldest first. */
            changes: components["schemas"]["ArrestEventChange"][];
        };
        /** @description The Kafka messages of the transaction that stored the arrest event, of which its own is one. Offsets in between can be of dead letters. */
        ArrestEventOrigin: {
            /** @description The topic. */
            topic: string;
            /**
             * Format: int64
             * @description The partition.
             */
            partition: number;
            /**
             * Format: int64
             * @description The offset of the first event that was stored together with this one.
             */
            first_offset: number;
            /**
             * Format: int64
             * @description The offset of the last event that was stored together with this one.
             */
            last_offset: number;
            /**
             * Format: date-time
             * @description When they were stored.
             */
            stored_at: string;
        };
        /** @description A change of an arrest event over HTTP. */
        ArrestEventChange: {
            /**
             * Format: int64
             * @description The version that the arrest event got, and its `ETag`; for a delete the next.
             */
            version: number;
            /**
             * @description `create`: by itself. `batch`: with others. `replay`: of a dead letter. `update`, `delete`: what they say.
             * @enum {string}
             */
            kind: "create" | "batch" | "replay" | "update" | "delete";
            /**
             * Format: date-time
             * @description When it was changed.
             */
            at: string;
            /** @description Who changed it; null where no access control knows that. */
            by: string | null;
            /** @description The `X-Request-Id` of the request; null when the change came by none. */
            request_id: string | null;
            /** @description What the arrest event was; null when it was created. */
            before: components["schemas"]["ArrestEvent"] | null;
            /** @description What the arrest event became; null when it was deleted. */
            after: components["schemas"]["ArrestEvent"] | null;
        };
        /** @description A message that was refused, without what it held. */
        DeadLetterSummary: {
            /**
             * Format: int64
             * @description Assigned by the service in the order of the refusals, never used again.
             */
            id: number;
            /** @description The topic of the message. */
            topic: string;
            /**
             * Format: int64
             * @description The partition of the message.
             */
            partition: number;
            /**
             * Format: int64
             * @description The offset of the message in its partition.
             */
            offset: number;
            /**
             * Format: date-time
             * @description The message's own time; null when it has none, or none within the years 0001 to 9999.
             */
            timestamp: string | null;
            /**
             * @description `no_value`: null. `not_utf8`, `not_json`: what the value is not. `invalid_event`: JSON, but no valid arrest event. `refused_by_store`: valid, but refused by a constraint of the database.
             * @enum {string}
             */
            reason: "no_value" | "not_utf8" | "not_json" | "invalid_event" | "refused_by_store";
            /** @description Why it was refused: the rules, never a part of the message. */
            errors: {
                /**
                 * Format: json-pointer
                 * @description The place in the value (RFC 6901); empty for the value as a whole.
                 */
                pointer: string;
                /** @description The rule that was broken. */
                detail: string;
            }[];
            /**
             * Format: date-time
             * @description When the service refused the message.
             */
            refused_at: string;
            /**
             * Format: int64
             * @description The size of the value in bytes; null when the message has none.
             */
            value_bytes: number | null;
        };
        /** @description What became of dead letters. */
        DeletedDeadLetters: {
            /** @description How many are gone. */
            deleted: number;
        };
        /** @description What became of dead letters. */
        ReplayedDeadLetters: {
            /** @description How many became arrest events, and are gone. */
            replayed: number;
            /** @description How many still are no valid arrest events, and stay. */
            refused: number;
        };
        /** @description A message that was refused, whole. */
        DeadLetter: {
            /**
             * Format: int64
             * @description Assigned by the service in the order of the refusals, never used again.
             */
            id: number;
            /** @description The topic of the message. */
            topic: string;
            /**
             * Format: int64
             * @description The partition of the message.
             */
            partition: number;
            /**
             * Format: int64
             * @description The offset of the message in its partition.
             */
            offset: number;
            /**
             * Format: date-time
             * @description The message's own time; null when it has none, or none within the years 0001 to 9999.
             */
            timestamp: string | null;
            /**
             * @description `no_value`: null. `not_utf8`, `not_json`: what the value is not. `invalid_event`: JSON, but no valid arrest event. `refused_by_store`: valid, but refused by a constraint of the database.
             * @enum {string}
             */
            reason: "no_value" | "not_utf8" | "not_json" | "invalid_event" | "refused_by_store";
            /** @description Why it was refused: the rules, never a part of the message. */
            errors: {
                /**
                 * Format: json-pointer
                 * @description The place in the value (RFC 6901); empty for the value as a whole.
                 */
                pointer: string;
                /** @description The rule that was broken. */
                detail: string;
            }[];
            /**
             * Format: date-time
             * @description When the service refused the message.
             */
            refused_at: string;
            /**
             * Format: int64
             * @description The size of the value in bytes; null when the message has none.
             */
            value_bytes: number | null;
            /** @description The key; null when the message has none. */
            key: components["schemas"]["MessageContent"] | null;
            /** @description The value; null when the message has none. */
            value: components["schemas"]["MessageContent"] | null;
            /** @description The headers in their order. */
            headers: {
                /** @description The name, which may be there repeatedly. */
                name: string;
                /** @description The value, which may be null. */
                value: components["schemas"]["MessageContent"] | null;
            }[];
        };
        /** @description Bytes of a message. */
        MessageContent: {
            /**
             * @description `base64` where the bytes are not UTF-8.
             * @enum {string}
             */
            encoding: "utf-8" | "base64";
            /** @description The bytes, whole, in that encoding. */
            data: string;
        };
        /** @description The process serves requests. */
        Liveness: {
            /** @enum {string} */
            status: "ok";
        };
        /** @description Whether the service can do its work. */
        Readiness: {
            /**
             * @description The whole.
             * @enum {string}
             */
            status: "ready" | "not-ready";
            /** @description The service takes no new requests. */
            stopping: boolean;
            /** @description What the whole depends on, and what else is worth knowing. */
            checks: {
                store: components["schemas"]["StoreCheck"];
                kafka: components["schemas"]["KafkaCheck"];
            };
        };
        /** @description The store. */
        StoreCheck: {
            /**
             * @description `failing`: the store cannot be read, or cannot be written.
             * @enum {string}
             */
            status: "ok" | "failing";
            /** @description What is wrong; absent when nothing is. */
            problem?: string;
        };
        /** @description The reading of Kafka. */
        KafkaCheck: {
            /**
             * @description `degraded`: nothing can be read from Kafka now, which the service keeps trying. `failing`: what is read cannot be stored.
             * @enum {string}
             */
            status: "ok" | "degraded" | "failing";
            /**
             * @description `embedded`: a broker inside the service. `none`: the service reads no Kafka.
             * @enum {string}
             */
            mode: "external" | "embedded" | "none";
            /**
             * @description `connecting`: no broker answers. `waiting`: there is no partition to read, because the topic does not exist or others read it all. `store-failing`: reading has stopped until the store can be written again. `dead-letters-full`: it has stopped until dead letters are replayed or deleted, because there are as many as there may be.
             * @enum {string}
             */
            state: "off" | "connecting" | "waiting" | "reading" | "store-failing" | "dead-letters-full" | "stopped";
            /** @description `host:port` of the brokers, with commas between them. */
            brokers: string | null;
            /** @description The topic that is read. */
            topic: string;
            /** @description The consumer group that it is read as. */
            group: string;
            /** @description The partitions that this process reads. */
            partitions: components["schemas"]["PartitionPosition"][];
            /**
             * Format: int64
             * @description Events stored since the start of the process.
             */
            stored_events: number;
            /**
             * Format: int64
             * @description Messages refused since the start of the process.
             */
            dead_letters: number;
            /**
             * Format: date-time
             * @description The greatest time that a message of the last stored batch bears itself; null before the first.
             */
            last_message_at: string | null;
            /**
             * Format: date-time
             * @description When messages were last stored; null before the first.
             */
            last_stored_at: string | null;
            /**
             * Format: date-time
             * @description When the consumer group last took a commit of offsets; null before the first.
             */
            last_committed_at: string | null;
            /** @description Where dead letters are forwarded to; null when they are not. */
            dead_letter_topic: components["schemas"]["DeadLetterTopicCheck"] | null;
            /** @description What is wrong; absent when nothing is. */
            problem?: string;
        };
        /** @description How far the reading of a partition is. */
        PartitionPosition: {
            /**
             * Format: int64
             * @description The number of the partition.
             */
            partition: number;
            /**
             * Format: int64
             * @description The first offset that is not stored.
             */
            next_offset: number;
            /**
             * Format: int64
             * @description The offset that the next message will get, as last heard.
             */
            end_offset: number;
            /**
             * Format: int64
             * @description How many offsets lie between the two.
             */
            lag: number;
        };
        /** @description The forwarding of dead letters. */
        DeadLetterTopicCheck: {
            /** @description The topic that dead letters are forwarded to. */
            topic: string;
            /**
             * Format: int64
             * @description Dead letters forwarded since the start of the process.
             */
            forwarded: number;
            /** @description What is wrong; absent when nothing is. */
            problem?: string;
        };
        /** @description The documentation of a kind of problem. */
        ProblemDocumentation: {
            /**
             * Format: uri-reference
             * @description The kind of problem.
             */
            type: string;
            /** @description What it is called. */
            title: string;
            /** @description The status it comes with. */
            status: number;
            /** @description When it happens, and what its members tell. */
            description: string;
        };
    };
    responses: {
        /** @description The address and the headers of the request together are larger than 16 KiB, or there are more than 198 headers. The answer has no body, and none of the usual headers. */
        RequestHeaderFieldsTooLarge: {
            headers: {
                [name: string]: unknown;
            };
            content?: never;
        };
        /** @description The query names a parameter that this operation does not have, or repeats one that takes a single value. `errors` names each. */
        BadQuery: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["QueryProblem"];
            };
        };
        /** @description The operation has these parameters, but not with these values. `errors` names each of them and the rule. */
        InvalidQuery: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["QueryProblem"];
            };
        };
        /** @description The `Accept` header of the request excludes every form that there is of the answer. `detail` lists them. */
        NotAcceptable: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The service failed. The log tells more in the line that has the same `id`. */
        InternalError: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["InternalProblem"];
            };
        };
        /**
         * @description Looking at all the events that had to be looked at took longer than the service gives a request (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). Filters that leave fewer events, or another time with less to do, can help.
         *
         *     Or: As many lists without `limit` are being streamed as may be at once (`HTTP_MAX_STREAMS`, 16 by default). Lists of up to 1,000 events, and pages, are answered meanwhile.
         *
         *     Or: The service is stopping and takes no new requests. Nothing was changed.
         */
        AnswerTimeoutOrTooManyStreamsOrStopping: {
            headers: {
                /**
                 * @description After how many seconds to ask again.
                 * @example 5
                 */
                "Retry-After": number;
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description The query names a parameter that this operation does not have, or repeats one that takes a single value. `errors` names each.
         *
         *     Or: The `Idempotency-Key` is empty, longer than 255 characters, or has characters other than visible ASCII ones.
         *
         *     Or: The body is empty, ends too early, is not UTF-8, or is not JSON (RFC 8259), or has far more members than any arrest event. For NDJSON the last counts line by line, see `invalid-batch`.
         */
        BadQueryOrBadIdempotencyKeyOrMalformedBody: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["QueryProblem"] | components["schemas"]["Problem"];
            };
        };
        /** @description A browser sent this request for a page of another site, whose origin is not one of `CORS_ORIGINS`. Nothing was changed. */
        CrossSite: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body of the request did not arrive in the time that the service gives it (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). Nothing was changed, and the connection is closed. */
        BodyTimeout: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The same request, with the same `Idempotency-Key`, has not been answered yet. Sent again later, it gets the answer of the first. */
        RequestUnderWay: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is larger than this operation takes: 1,048,576 bytes, or 8,388,608 bytes for a batch. */
        BodyTooLarge: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The `Content-Type` is none that this operation takes, which `detail` lists, declares another charset than UTF-8, or the body is compressed. */
        UnsupportedMediaType: {
            headers: {
                /**
                 * @description The media types that a PATCH takes (RFC 5789, 3.1); absent for other methods.
                 * @example application/merge-patch+json, application/json
                 */
                "Accept-Patch"?: string;
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description The body is JSON, but breaks rules for arrest events. `errors` names each place in the body and the rule, up to 100 of them.
         *
         *     Or: A request of the last 24 hours had the same `Idempotency-Key` and asked for something else. Nothing was created; every request needs a key of its own.
         */
        InvalidEventOrIdempotencyKeyReused: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["BodyProblem"] | components["schemas"]["Problem"];
            };
        };
        /**
         * @description The store cannot be written now, for example because the disk is full, and nothing was changed. Reads are answered meanwhile.
         *
         *     Or: The store did not answer in the time that the service gives a request (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). The change may have been made, or be made yet. A request with an `Idempotency-Key` can be sent again with the same key, and changes nothing twice; without one, look before sending it again.
         *
         *     Or: The service is stopping and takes no new requests. Nothing was changed.
         */
        StoreUnavailableOrOutcomeUnknownOrStopping: {
            headers: {
                /**
                 * @description After how many seconds to ask again.
                 * @example 5
                 */
                "Retry-After": number;
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description The body is no array of 1 to 10,000 items, or items of it break rules for arrest events; nothing was created. `errors` names each place and the rule, up to 100 of them: `/17/officer_id` is a member of the item with the index 17, which for NDJSON is the index of the line.
         *
         *     Or: A request of the last 24 hours had the same `Idempotency-Key` and asked for something else. Nothing was created; every request needs a key of its own.
         */
        InvalidBatchOrIdempotencyKeyReused: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["BodyProblem"] | components["schemas"]["Problem"];
            };
        };
        /**
         * @description Looking at all the events that had to be looked at took longer than the service gives a request (`HTTP_REQUEST_TIMEOUT_MS`, 30 s by default). Filters that leave fewer events, or another time with less to do, can help.
         *
         *     Or: The service is stopping and takes no new requests. Nothing was changed.
         */
        AnswerTimeoutOrStopping: {
            headers: {
                /**
                 * @description After how many seconds to ask again.
                 * @example 5
                 */
                "Retry-After": number;
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description There is no arrest event with this id: it never existed, it was deleted, or the id is not a positive integer. */
        EventNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The service is stopping and takes no new requests. Nothing was changed. */
        Stopping: {
            headers: {
                /**
                 * @description After how many seconds to ask again.
                 * @example 5
                 */
                "Retry-After": number;
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description The query names a parameter that this operation does not have, or repeats one that takes a single value. `errors` names each.
         *
         *     Or: The body is empty, ends too early, is not UTF-8, or is not JSON (RFC 8259), or has far more members than any arrest event. For NDJSON the last counts line by line, see `invalid-batch`.
         */
        BadQueryOrMalformedBody: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["QueryProblem"] | components["schemas"]["Problem"];
            };
        };
        /** @description The arrest event has another version than `If-Match` asks for, or one that `If-None-Match` excludes: somebody has changed it meanwhile. Nothing was changed; get it again, with its `ETag`. */
        PreconditionFailed: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /** @description The body is JSON, but breaks rules for arrest events. `errors` names each place in the body and the rule, up to 100 of them. */
        InvalidEvent: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["BodyProblem"];
            };
        };
        /** @description There is no dead letter with this id: it never existed, it was replayed or deleted, or the id is not a positive integer. */
        DeadLetterNotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
        /**
         * @description The body is JSON, but breaks rules for arrest events. `errors` names each place in the body and the rule, up to 100 of them.
         *
         *     Or: The dead letter was replayed as it is, and still is no valid arrest event; it stays. `errors` names each place in its value and the rule. A corrected event can be given in the body.
         */
        InvalidEventOrDeadLetterRefused: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["BodyProblem"];
            };
        };
        /** @description Nothing is served at this path. */
        NotFound: {
            headers: {
                "X-Request-Id": components["headers"]["RequestId"];
                [name: string]: unknown;
            };
            content: {
                "application/problem+json": components["schemas"]["Problem"];
            };
        };
    };
    parameters: {
        /**
         * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
         * @example checkout-7f3a
         */
        RequestId: string;
        /**
         * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
         * @example zstd, gzip;q=0.5
         */
        AcceptEncoding: string;
    };
    requestBodies: never;
    headers: {
        /**
         * @description The id of the request: the one that it brought, or for a change one of the service's.
         * @example checkout-7f3a
         */
        RequestId: string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listArrestEvents: {
        parameters: {
            query?: {
                /** @description By this officer. Given repeatedly: any of these. */
                officer_id?: number[];
                /** @description Of this person. Given repeatedly: any of these. */
                subject_id?: number[];
                /** @description Of this type of arrest. Given repeatedly: any of these. */
                arrest_type_id?: number[];
                /** @description Of this type of crime. Given repeatedly: any of these. */
                crime_type_id?: number[];
                /** @description Arrested at this time or later: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                arrested_from?: string;
                /** @description Arrested before this time: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                arrested_to?: string;
                /** @description The order; `-` reverses it. Events of the same time are in the order of their ids, reversed with the rest. */
                sort?: "id" | "-id" | "arrested_at" | "-arrested_at";
                /** @description The most events that the answer has. Without it, all are streamed. */
                limit?: number;
                /** @description Where to go on: taken from the `Link` of the answer before, not made up. It holds for the `sort` that it was given for. */
                cursor?: string;
                /** @description The form of the answer, whatever `Accept` says. */
                format?: "json" | "ndjson" | "csv";
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The arrest events. */
            200: {
                headers: {
                    /**
                     * @description Where to go on, as `rel="next"` (RFC 8288); absent behind the last.
                     * @example </arrest_events?officer_id=7&limit=100&cursor=aWQ6NDcxMQ>; rel="next"
                     */
                    Link?: string;
                    /**
                     * @description With CSV: the name of the file that a browser keeps it as.
                     * @example attachment; filename="arrest_events.csv"
                     */
                    "Content-Disposition"?: string;
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": 12,
                     *         "officer_id": 7,
                     *         "subject_id": 1204,
                     *         "arrest_type_id": 2,
                     *         "crime_type_id": 31,
                     *         "arrested_at": "2026-11-22T13:05:00.000Z"
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["ArrestEvent"][];
                    /** @example {"id":12,"officer_id":7,"subject_id":1204,"arrest_type_id":2,"crime_type_id":31,"arrested_at":"2026-11-22T13:05:00.000Z"} */
                    "application/x-ndjson": string;
                    /**
                     * @example id,officer_id,subject_id,arrest_type_id,crime_type_id,arrested_at
                     *     12,7,1204,2,31,2026-11-22T13:05:00.000Z
                     */
                    "text/csv": string;
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["AnswerTimeoutOrTooManyStreamsOrStopping"];
        };
    };
    createArrestEvent: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /** @description Makes the request one that can be sent again: 1 to 255 visible ASCII characters, in quotes or not, chosen by the client anew for each thing that is to be created, a UUID for example. For 24 hours a request with the same key and the same events gets the first answer again, and creates nothing. */
                "Idempotency-Key"?: string;
                /** @description `return=minimal` asks for an answer without a body (RFC 7240); other preferences are not looked at. */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The arrest event without its id, up to 1 MiB. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "officer_id": 7,
                 *       "subject_id": 1204,
                 *       "arrest_type_id": 2,
                 *       "crime_type_id": 31,
                 *       "arrested_at": "2026-11-22T13:05:00.000Z"
                 *     }
                 */
                "application/json": components["schemas"]["NewArrestEvent"];
            };
        };
        responses: {
            /** @description The arrest event as it was stored; without a body where the client prefers `return=minimal`. */
            201: {
                headers: {
                    /**
                     * @description Where the arrest event can be read.
                     * @example /arrest_events/12
                     */
                    Location: string;
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    /**
                     * @description The preference of `Prefer` that the answer follows (RFC 7240, 3).
                     * @example return=minimal
                     */
                    "Preference-Applied"?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 12,
                     *       "officer_id": 7,
                     *       "subject_id": 1204,
                     *       "arrest_type_id": 2,
                     *       "crime_type_id": 31,
                     *       "arrested_at": "2026-11-22T13:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEvent"];
                };
            };
            400: components["responses"]["BadQueryOrBadIdempotencyKeyOrMalformedBody"];
            403: components["responses"]["CrossSite"];
            406: components["responses"]["NotAcceptable"];
            408: components["responses"]["BodyTimeout"];
            409: components["responses"]["RequestUnderWay"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["InvalidEventOrIdempotencyKeyReused"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    createArrestEvents: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /** @description Makes the request one that can be sent again: 1 to 255 visible ASCII characters, in quotes or not, chosen by the client anew for each thing that is to be created, a UUID for example. For 24 hours a request with the same key and the same events gets the first answer again, and creates nothing. */
                "Idempotency-Key"?: string;
                /** @description `return=minimal` asks for an answer without a body (RFC 7240); other preferences are not looked at. */
                Prefer?: string;
            };
            path?: never;
            cookie?: never;
        };
        /** @description The arrest events, as a JSON array or as lines of JSON (NDJSON), up to 8 MiB. Empty lines are passed over, but have an index. */
        requestBody: {
            content: {
                /**
                 * @example [
                 *       {
                 *         "officer_id": 7,
                 *         "subject_id": 1204,
                 *         "arrest_type_id": 2,
                 *         "crime_type_id": 31,
                 *         "arrested_at": "2026-11-22T13:05:00.000Z"
                 *       }
                 *     ]
                 */
                "application/json": components["schemas"]["NewArrestEvents"];
                /** @example {"officer_id":7,"subject_id":1204,"arrest_type_id":2,"crime_type_id":31,"arrested_at":"2026-11-22T13:05:00.000Z"} */
                "application/x-ndjson": string;
            };
        };
        responses: {
            /** @description All of the arrest events are stored; without a body where the client prefers `return=minimal`. */
            201: {
                headers: {
                    /**
                     * @description The preference of `Prefer` that the answer follows (RFC 7240, 3).
                     * @example return=minimal
                     */
                    "Preference-Applied"?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "ids": [
                     *         12,
                     *         13,
                     *         14
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["CreatedArrestEvents"];
                };
            };
            400: components["responses"]["BadQueryOrBadIdempotencyKeyOrMalformedBody"];
            403: components["responses"]["CrossSite"];
            406: components["responses"]["NotAcceptable"];
            408: components["responses"]["BodyTimeout"];
            409: components["responses"]["RequestUnderWay"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["InvalidBatchOrIdempotencyKeyReused"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    countArrestEvents: {
        parameters: {
            query?: {
                /** @description By this officer. Given repeatedly: any of these. */
                officer_id?: number[];
                /** @description Of this person. Given repeatedly: any of these. */
                subject_id?: number[];
                /** @description Of this type of arrest. Given repeatedly: any of these. */
                arrest_type_id?: number[];
                /** @description Of this type of crime. Given repeatedly: any of these. */
                crime_type_id?: number[];
                /** @description Arrested at this time or later: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                arrested_from?: string;
                /** @description Arrested before this time: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                arrested_to?: string;
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many arrest events match. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "count": 17
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEventCount"];
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["AnswerTimeoutOrStopping"];
        };
    };
    getArrestEventStats: {
        parameters: {
            query: {
                /** @description What events must have in common to be counted together. Given twice: both, in this order; `hour`, `day` and `month` go with ids only. */
                group_by: ("officer_id" | "arrest_type_id" | "crime_type_id" | "hour" | "day" | "month")[];
                /** @description By this officer. Given repeatedly: any of these. */
                officer_id?: number[];
                /** @description Of this person. Given repeatedly: any of these. */
                subject_id?: number[];
                /** @description Of this type of arrest. Given repeatedly: any of these. */
                arrest_type_id?: number[];
                /** @description Of this type of crime. Given repeatedly: any of these. */
                crime_type_id?: number[];
                /** @description Arrested at this time or later: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                arrested_from?: string;
                /** @description Arrested before this time: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                arrested_to?: string;
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The groups. */
            200: {
                headers: {
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "arrest_type_id": 1,
                     *         "month": "2026-10",
                     *         "count": 12
                     *       },
                     *       {
                     *         "arrest_type_id": 1,
                     *         "month": "2026-11",
                     *         "count": 17
                     *       },
                     *       {
                     *         "arrest_type_id": 2,
                     *         "month": "2026-11",
                     *         "count": 4
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["ArrestEventGroup"][];
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["AnswerTimeoutOrStopping"];
        };
    };
    getArrestEvent: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /** @description Answers 304 while the arrest event has one of these entity tags (RFC 9110, 13.1.2); `*` matches every version. */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The id of the arrest event. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The arrest event. */
            200: {
                headers: {
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 12,
                     *       "officer_id": 7,
                     *       "subject_id": 1204,
                     *       "arrest_type_id": 2,
                     *       "crime_type_id": 31,
                     *       "arrested_at": "2026-11-22T13:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEvent"];
                };
            };
            /** @description The arrest event is as the client knows it by `If-None-Match`. */
            304: {
                headers: {
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadQuery"];
            404: components["responses"]["EventNotFound"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Stopping"];
        };
    };
    updateArrestEvent: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /** @description Makes the change only while the arrest event has one of these entity tags (RFC 9110, 13.1.1), and answers 412 otherwise. Weak tags never match; `*` matches every version. */
                "If-Match"?: string;
                /** @description Makes the change only while the arrest event has none of these entity tags (RFC 9110, 13.1.2), and answers 412 otherwise; `*` matches every version. */
                "If-None-Match"?: string;
                /** @description `return=minimal` asks for an answer without a body (RFC 7240); other preferences are not looked at. */
                Prefer?: string;
            };
            path: {
                /** @description The id of the arrest event. */
                id: number;
            };
            cookie?: never;
        };
        /** @description The members to change, up to 1 MiB. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "crime_type_id": 32
                 *     }
                 */
                "application/json": components["schemas"]["ArrestEventChanges"];
            };
        };
        responses: {
            /** @description The arrest event as it is stored now. */
            200: {
                headers: {
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    /**
                     * @description The preference of `Prefer` that the answer follows (RFC 7240, 3).
                     * @example return=minimal
                     */
                    "Preference-Applied"?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 12,
                     *       "officer_id": 7,
                     *       "subject_id": 1204,
                     *       "arrest_type_id": 2,
                     *       "crime_type_id": 31,
                     *       "arrested_at": "2026-11-22T13:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEvent"];
                };
            };
            /** @description The arrest event is changed; the client prefers `return=minimal`. */
            204: {
                headers: {
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    /**
                     * @description The preference of `Prefer` that the answer follows (RFC 7240, 3).
                     * @example return=minimal
                     */
                    "Preference-Applied"?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadQueryOrMalformedBody"];
            403: components["responses"]["CrossSite"];
            404: components["responses"]["EventNotFound"];
            406: components["responses"]["NotAcceptable"];
            408: components["responses"]["BodyTimeout"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["InvalidEvent"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    deleteArrestEvent: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /** @description Makes the change only while the arrest event has one of these entity tags (RFC 9110, 13.1.1), and answers 412 otherwise. Weak tags never match; `*` matches every version. */
                "If-Match"?: string;
                /** @description Makes the change only while the arrest event has none of these entity tags (RFC 9110, 13.1.2), and answers 412 otherwise; `*` matches every version. */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The id of the arrest event. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The arrest event is deleted. */
            204: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadQuery"];
            403: components["responses"]["CrossSite"];
            404: components["responses"]["EventNotFound"];
            412: components["responses"]["PreconditionFailed"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    patchArrestEvent: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /** @description Makes the change only while the arrest event has one of these entity tags (RFC 9110, 13.1.1), and answers 412 otherwise. Weak tags never match; `*` matches every version. */
                "If-Match"?: string;
                /** @description Makes the change only while the arrest event has none of these entity tags (RFC 9110, 13.1.2), and answers 412 otherwise; `*` matches every version. */
                "If-None-Match"?: string;
                /** @description `return=minimal` asks for an answer without a body (RFC 7240); other preferences are not looked at. */
                Prefer?: string;
            };
            path: {
                /** @description The id of the arrest event. */
                id: number;
            };
            cookie?: never;
        };
        /** @description The members to change, up to 1 MiB. */
        requestBody: {
            content: {
                /**
                 * @example {
                 *       "crime_type_id": 32
                 *     }
                 */
                "application/merge-patch+json": components["schemas"]["ArrestEventChanges"];
                /**
                 * @example {
                 *       "crime_type_id": 32
                 *     }
                 */
                "application/json": components["schemas"]["ArrestEventChanges"];
            };
        };
        responses: {
            /** @description The arrest event as it is stored now. */
            200: {
                headers: {
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    /**
                     * @description The preference of `Prefer` that the answer follows (RFC 7240, 3).
                     * @example return=minimal
                     */
                    "Preference-Applied"?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 12,
                     *       "officer_id": 7,
                     *       "subject_id": 1204,
                     *       "arrest_type_id": 2,
                     *       "crime_type_id": 31,
                     *       "arrested_at": "2026-11-22T13:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEvent"];
                };
            };
            /** @description The arrest event is changed; the client prefers `return=minimal`. */
            204: {
                headers: {
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    /**
                     * @description The preference of `Prefer` that the answer follows (RFC 7240, 3).
                     * @example return=minimal
                     */
                    "Preference-Applied"?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadQueryOrMalformedBody"];
            403: components["responses"]["CrossSite"];
            404: components["responses"]["EventNotFound"];
            406: components["responses"]["NotAcceptable"];
            408: components["responses"]["BodyTimeout"];
            412: components["responses"]["PreconditionFailed"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["InvalidEvent"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    getArrestEventHistory: {
        parameters: {
            query?: {
                /** @description The most changes that the answer has. */
                limit?: number;
                /** @description Where to go on: taken from the `Link` of the answer before, not made up. */
                cursor?: string;
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path: {
                /** @description The id of the arrest event. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The history. */
            200: {
                headers: {
                    /**
                     * @description Where to go on, as `rel="next"` (RFC 8288); absent behind the last.
                     * @example </arrest_events/12/history?limit=100&cursor=100>; rel="next"
                     */
                    Link?: string;
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "origin": {
                     *         "topic": "arrest_event",
                     *         "partition": 3,
                     *         "first_offset": 80,
                     *         "last_offset": 122,
                     *         "stored_at": "2026-11-22T13:05:01.250Z"
                     *       },
                     *       "changes": [
                     *         {
                     *           "version": 2,
                     *           "kind": "update",
                     *           "at": "2026-11-23T08:30:00.000Z",
                     *           "by": null,
                     *           "request_id": "3f0f4a5e-7a39-4c0e-9c5d-6d7d3c1f0b52",
                     *           "before": {
                     *             "id": 12,
                     *             "officer_id": 7,
                     *             "subject_id": 1204,
                     *             "arrest_type_id": 2,
                     *             "crime_type_id": 31,
                     *             "arrested_at": "2026-11-22T13:05:00.000Z"
                     *           },
                     *           "after": {
                     *             "id": 12,
                     *             "officer_id": 7,
                     *             "subject_id": 1204,
                     *             "arrest_type_id": 2,
                     *             "crime_type_id": 32,
                     *             "arrested_at": "2026-11-22T13:05:00.000Z"
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEventHistory"];
                };
            };
            400: components["responses"]["BadQuery"];
            404: components["responses"]["EventNotFound"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Stopping"];
        };
    };
    listDeadLetters: {
        parameters: {
            query?: {
                /** @description Of this topic. */
                topic?: string;
                /** @description Of this partition. */
                partition?: number;
                /** @description Refused for this reason. */
                reason?: "no_value" | "not_utf8" | "not_json" | "invalid_event" | "refused_by_store";
                /** @description Refused at this time or later: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                refused_from?: string;
                /** @description Refused before this time: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                refused_to?: string;
                /** @description The most dead letters that the answer has. */
                limit?: number;
                /** @description Where to go on: taken from the `Link` of the answer before, not made up. */
                cursor?: string;
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Dead letters. */
            200: {
                headers: {
                    /**
                     * @description Where to go on, as `rel="next"` (RFC 8288); absent behind the last.
                     * @example </dead_letters?limit=100&cursor=4711>; rel="next"
                     */
                    Link?: string;
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example [
                     *       {
                     *         "id": 4711,
                     *         "topic": "arrest_event",
                     *         "partition": 3,
                     *         "offset": 88,
                     *         "timestamp": "2026-11-22T13:05:00.000Z",
                     *         "reason": "invalid_event",
                     *         "errors": [
                     *           {
                     *             "pointer": "/subject_id",
                     *             "detail": "is missing"
                     *           }
                     *         ],
                     *         "refused_at": "2026-11-22T13:05:01.250Z",
                     *         "value_bytes": 94
                     *       }
                     *     ]
                     */
                    "application/json": components["schemas"]["DeadLetterSummary"][];
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Stopping"];
        };
    };
    deleteDeadLetters: {
        parameters: {
            query?: {
                /** @description Of this topic. */
                topic?: string;
                /** @description Of this partition. */
                partition?: number;
                /** @description Refused for this reason. */
                reason?: "no_value" | "not_utf8" | "not_json" | "invalid_event" | "refused_by_store";
                /** @description Refused at this time or later: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                refused_from?: string;
                /** @description Refused before this time: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                refused_to?: string;
                /** @description The most dead letters that are deleted. */
                limit?: number;
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How many are gone. */
            200: {
                headers: {
                    /**
                     * @description Where to go on, as `rel="next"` (RFC 8288); absent behind the last.
                     * @example </dead_letters?reason=not_json&limit=1000>; rel="next"
                     */
                    Link?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "deleted": 1000
                     *     }
                     */
                    "application/json": components["schemas"]["DeletedDeadLetters"];
                };
            };
            400: components["responses"]["BadQuery"];
            403: components["responses"]["CrossSite"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    replayDeadLetters: {
        parameters: {
            query?: {
                /** @description Of this topic. */
                topic?: string;
                /** @description Of this partition. */
                partition?: number;
                /** @description Refused for this reason. */
                reason?: "no_value" | "not_utf8" | "not_json" | "invalid_event" | "refused_by_store";
                /** @description Refused at this time or later: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                refused_from?: string;
                /** @description Refused before this time: an ISO 8601 date and time of a real calendar date in the years 0001 to 9999. Without an offset, which `date-time` alone would ask for, it is UTC; seconds and fractions are optional, and what is finer than a millisecond is cut off. */
                refused_to?: string;
                /** @description The most dead letters that are replayed. */
                limit?: number;
                /** @description Where to go on: taken from the `Link` of the answer before, not made up. */
                cursor?: string;
            };
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What became of them. */
            200: {
                headers: {
                    /**
                     * @description Where to go on, as `rel="next"` (RFC 8288); absent behind the last.
                     * @example </dead_letters/replay?limit=1000&cursor=4711>; rel="next"
                     */
                    Link?: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "replayed": 990,
                     *       "refused": 10
                     *     }
                     */
                    "application/json": components["schemas"]["ReplayedDeadLetters"];
                };
            };
            400: components["responses"]["BadQuery"];
            403: components["responses"]["CrossSite"];
            406: components["responses"]["NotAcceptable"];
            422: components["responses"]["InvalidQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    getDeadLetter: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path: {
                /** @description The id of the dead letter. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The dead letter. */
            200: {
                headers: {
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 4711,
                     *       "topic": "arrest_event",
                     *       "partition": 3,
                     *       "offset": 88,
                     *       "timestamp": "2026-11-22T13:05:00.000Z",
                     *       "reason": "invalid_event",
                     *       "errors": [
                     *         {
                     *           "pointer": "/subject_id",
                     *           "detail": "is missing"
                     *         }
                     *       ],
                     *       "refused_at": "2026-11-22T13:05:01.250Z",
                     *       "value_bytes": 94,
                     *       "key": {
                     *         "encoding": "utf-8",
                     *         "data": "officer-7"
                     *       },
                     *       "value": {
                     *         "encoding": "utf-8",
                     *         "data": "{\"officer_id\":7,\"arrest_type_id\":2,\"crime_type_id\":31,\"arrested_at\":\"2026-11-22T13:05:00Z\"}"
                     *       },
                     *       "headers": [
                     *         {
                     *           "name": "source",
                     *           "value": {
                     *             "encoding": "base64",
                     *             "data": "/w=="
                     *           }
                     *         }
                     *       ]
                     *     }
                     */
                    "application/json": components["schemas"]["DeadLetter"];
                };
            };
            400: components["responses"]["BadQuery"];
            404: components["responses"]["DeadLetterNotFound"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["Stopping"];
        };
    };
    deleteDeadLetter: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the dead letter. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The dead letter is deleted. */
            204: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadQuery"];
            403: components["responses"]["CrossSite"];
            404: components["responses"]["DeadLetterNotFound"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    replayDeadLetter: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The id of the dead letter. */
                id: number;
            };
            cookie?: never;
        };
        /** @description The corrected event, up to 1 MiB; no body means the message as it is. */
        requestBody?: {
            content: {
                /**
                 * @example {
                 *       "officer_id": 7,
                 *       "subject_id": 1204,
                 *       "arrest_type_id": 2,
                 *       "crime_type_id": 31,
                 *       "arrested_at": "2026-11-22T13:05:00.000Z"
                 *     }
                 */
                "application/json": components["schemas"]["NewArrestEvent"];
            };
        };
        responses: {
            /** @description The arrest event as it was stored. The dead letter is gone. */
            201: {
                headers: {
                    /**
                     * @description Where the arrest event can be read.
                     * @example /arrest_events/12
                     */
                    Location: string;
                    /**
                     * @description The version of the arrest event as a strong entity tag, for `If-Match` and `If-None-Match`.
                     * @example "1"
                     */
                    ETag: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "id": 12,
                     *       "officer_id": 7,
                     *       "subject_id": 1204,
                     *       "arrest_type_id": 2,
                     *       "crime_type_id": 31,
                     *       "arrested_at": "2026-11-22T13:05:00.000Z"
                     *     }
                     */
                    "application/json": components["schemas"]["ArrestEvent"];
                };
            };
            400: components["responses"]["BadQueryOrMalformedBody"];
            403: components["responses"]["CrossSite"];
            404: components["responses"]["DeadLetterNotFound"];
            406: components["responses"]["NotAcceptable"];
            408: components["responses"]["BodyTimeout"];
            413: components["responses"]["BodyTooLarge"];
            415: components["responses"]["UnsupportedMediaType"];
            422: components["responses"]["InvalidEventOrDeadLetterRefused"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            500: components["responses"]["InternalError"];
            503: components["responses"]["StoreUnavailableOrOutcomeUnknownOrStopping"];
        };
    };
    getLiveness: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process is alive. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ok"
                     *     }
                     */
                    "application/json": components["schemas"]["Liveness"];
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The service is ready. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "ready",
                     *       "stopping": false,
                     *       "checks": {
                     *         "store": {
                     *           "status": "ok"
                     *         },
                     *         "kafka": {
                     *           "status": "ok",
                     *           "mode": "external",
                     *           "state": "reading",
                     *           "brokers": "kafka-1:9092,kafka-2:9092",
                     *           "topic": "arrest_event",
                     *           "group": "arrest-events",
                     *           "partitions": [
                     *             {
                     *               "partition": 0,
                     *               "next_offset": 4096,
                     *               "end_offset": 4100,
                     *               "lag": 4
                     *             }
                     *           ],
                     *           "stored_events": 4090,
                     *           "dead_letters": 6,
                     *           "last_message_at": "2026-11-22T13:05:01.000Z",
                     *           "last_stored_at": "2026-11-22T13:05:01.250Z",
                     *           "last_committed_at": "2026-11-22T13:05:02.000Z",
                     *           "dead_letter_topic": {
                     *             "topic": "arrest_event.refused",
                     *             "forwarded": 6
                     *           }
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Readiness"];
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            /** @description The service is not ready. */
            503: {
                headers: {
                    /**
                     * @description After how many seconds to ask again.
                     * @example 5
                     */
                    "Retry-After": number;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "status": "not-ready",
                     *       "stopping": false,
                     *       "checks": {
                     *         "store": {
                     *           "status": "failing",
                     *           "problem": "database or disk is full"
                     *         },
                     *         "kafka": {
                     *           "status": "failing",
                     *           "mode": "external",
                     *           "state": "store-failing",
                     *           "brokers": "kafka-1:9092,kafka-2:9092",
                     *           "topic": "arrest_event",
                     *           "group": "arrest-events",
                     *           "partitions": [
                     *             {
                     *               "partition": 0,
                     *               "next_offset": 4096,
                     *               "end_offset": 4100,
                     *               "lag": 4
                     *             }
                     *           ],
                     *           "stored_events": 4090,
                     *           "dead_letters": 6,
                     *           "last_message_at": "2026-11-22T13:05:01.000Z",
                     *           "last_stored_at": "2026-11-22T13:05:01.250Z",
                     *           "last_committed_at": "2026-11-22T13:05:02.000Z",
                     *           "dead_letter_topic": {
                     *             "topic": "arrest_event.refused",
                     *             "forwarded": 6
                     *           }
                     *         }
                     *       }
                     *     }
                     */
                    "application/json": components["schemas"]["Readiness"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The metrics. */
            200: {
                headers: {
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example # HELP arrest_events_ingested_events_total Events stored from Kafka messages.
                     *     # TYPE arrest_events_ingested_events_total counter
                     *     arrest_events_ingested_events_total 4090
                     */
                    "text/plain": string;
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
        };
    };
    getOpenApiDocument: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The OpenAPI document. */
            200: {
                headers: {
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "openapi": "3.1.0",
                     *       "info": {
                     *         "title": "Arrest Events",
                     *         "version": "0.1.0"
                     *       },
                     *       "paths": {}
                     *     }
                     */
                    "application/json": {
                        openapi: string;
                        /** @description What the interface is called. */
                        info: Record<string, never>;
                        /** @description The operations by path and method. */
                        paths: Record<string, never>;
                    };
                };
            };
            400: components["responses"]["BadQuery"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            503: components["responses"]["Stopping"];
        };
    };
    getDocs: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The page. */
            200: {
                headers: {
                    /**
                     * @description Keeps the page from loading anything from elsewhere.
                     * @example default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
                     */
                    "Content-Security-Policy": string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example <!doctype html>
                     *     <html lang="en">
                     *       …
                     */
                    "text/html": string;
                };
            };
            400: components["responses"]["BadQuery"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            503: components["responses"]["Stopping"];
        };
    };
    getDocsFile: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
                /**
                 * @description The codings that the client can read: `zstd` and `gzip` are known, with weights (RFC 9110, 12.5.3). Answers below 2 KiB are not compressed unless `identity;q=0` asks for it.
                 * @example zstd, gzip;q=0.5
                 */
                "Accept-Encoding"?: components["parameters"]["AcceptEncoding"];
                /** @description An `ETag` of the file that is kept, or several with commas between. */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The name of the file. */
                file: "swagger-ui.css" | "swagger-ui-bundle.js" | "favicon.png" | "initializer.js";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    /**
                     * @description The version of the file in its coding, for `If-None-Match`.
                     * @example "5f1d7a84db00d2fc"
                     */
                    ETag: string;
                    /**
                     * @description How long the file may be kept.
                     * @example public, max-age=86400
                     */
                    "Cache-Control": string;
                    /**
                     * @description How the answer is compressed; absent when it is not.
                     * @example zstd
                     */
                    "Content-Encoding"?: string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /** @example .swagger-ui { color: #3b4151 } */
                    "text/css": string;
                    /** @example const home = new URL(".", location.href).href; */
                    "text/javascript": string;
                    /** @example PNG… */
                    "image/png": string;
                };
            };
            /** @description The file that is kept is the same. */
            304: {
                headers: {
                    /**
                     * @description The version of the file in its coding, for `If-None-Match`.
                     * @example "5f1d7a84db00d2fc"
                     */
                    ETag: string;
                    /**
                     * @description How long the file may be kept.
                     * @example public, max-age=86400
                     */
                    "Cache-Control": string;
                    /**
                     * @description Which headers of the request have chosen the form of the answer.
                     * @example Accept-Encoding
                     */
                    Vary: string;
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            400: components["responses"]["BadQuery"];
            404: components["responses"]["NotFound"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            503: components["responses"]["Stopping"];
        };
    };
    getProblem: {
        parameters: {
            query?: never;
            header?: {
                /**
                 * @description Names the request in the answer, in the log and in the history of what it changes: 1 to 128 visible ASCII characters. Where it is absent or anything else, a change gets a UUID.
                 * @example checkout-7f3a
                 */
                "X-Request-Id"?: components["parameters"]["RequestId"];
            };
            path: {
                /** @description The last part of the `type`. */
                name: "bad-query" | "invalid-query" | "bad-idempotency-key" | "malformed-body" | "cross-site" | "not-found" | "event-not-found" | "dead-letter-not-found" | "method-not-allowed" | "not-acceptable" | "body-timeout" | "request-under-way" | "precondition-failed" | "body-too-large" | "unsupported-media-type" | "invalid-event" | "invalid-batch" | "idempotency-key-reused" | "dead-letter-refused" | "internal-error" | "store-unavailable" | "outcome-unknown" | "answer-timeout" | "too-many-streams" | "stopping";
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The documentation of the problem. */
            200: {
                headers: {
                    "X-Request-Id": components["headers"]["RequestId"];
                    [name: string]: unknown;
                };
                content: {
                    /**
                     * @example {
                     *       "type": "/problems/invalid-event",
                     *       "title": "Invalid arrest event",
                     *       "status": 422,
                     *       "description": "The body is JSON, but breaks rules for arrest events. `errors` names each place in the body and the rule, up to 100 of them."
                     *     }
                     */
                    "application/json": components["schemas"]["ProblemDocumentation"];
                };
            };
            400: components["responses"]["BadQuery"];
            404: components["responses"]["NotFound"];
            406: components["responses"]["NotAcceptable"];
            431: components["responses"]["RequestHeaderFieldsTooLarge"];
            503: components["responses"]["Stopping"];
        };
    };
}
