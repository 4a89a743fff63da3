/** The used part is in `node.h`. */
#pragma once

#include "node.h"
