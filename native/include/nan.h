/**
 * The part of NAN that the package uses, on Node-API.
 *
 * `Nan::` names and their behaviour are those the package's sources expect;
 * what they stand on is in `bridge/`.
 */
#pragma once

// The sources use assert without it.
#include <assert.h>

#include "nan/functions.h"
#include "nan/values.h"
#include "nan/workers.h"
#include "uv.h"

#define NAN_INLINE inline
#define NAUV_WORK_CB(name) void name(uv_async_t* async)
