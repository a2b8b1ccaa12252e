// The ends of a path as people read them: "192.0.2.7[4500]".
#pragma once

#include <string>

#include "dataplane/api/seam.h"

namespace cp {

std::string peer_text(const dp::PeerPath& path);
std::string local_text(const dp::PeerPath& path);

}  // namespace cp
