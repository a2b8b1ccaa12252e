// Removes the socket file that a killed gateway left behind, so that the next start can bind it.
//
// Drivers of shared-memory devices bind the path they are given and refuse when the file exists.
// Only a socket on which nobody listens is removed; anything else stays for the driver to complain
// about.
#pragma once

#include <string>

namespace gateway {

// The path that a device's arguments make it listen on: "iface=" of net_vhost without client=1,
// "path=" of net_virtio_user with server=1. Empty for every other device.
std::string listening_path(const std::string& device);

// True when there was one and it is gone.
bool remove_stale_socket(const std::string& path);

}  // namespace gateway
