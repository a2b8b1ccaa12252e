// Checks of the directory, and files that replace others whole.
#include "dataplane/state_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace dp {

crypto::Error system_error(const std::string& what, const std::string& path) {
  return {"cannot " + what + " " + path + ": " + std::strerror(errno)};
}

crypto::Status check_state_dir(const std::string& dir) {
  if (mkdir(dir.c_str(), 0700) != 0 && errno != EEXIST)
    return std::unexpected(system_error("create the state directory", dir));
  struct stat st;
  if (stat(dir.c_str(), &st) != 0) return std::unexpected(system_error("look at", dir));
  if (!S_ISDIR(st.st_mode)) return crypto::fail("the state directory " + dir + " is a file");
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return crypto::fail("others may write to the state directory " + dir +
                        ": who removes a file there can use tickets twice; chmod 700 it");
  return {};
}

crypto::Status sync_dir(const std::string& dir) {
  const Descriptor fd(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok() || fsync(fd.get()) != 0) return std::unexpected(system_error("sync", dir));
  return {};
}

crypto::Status write_whole(const std::string& dir, const std::string& name, std::string_view text) {
  const std::string path = dir + "/" + name;
  const std::string unfinished = path + "-" + std::to_string(getpid()) + ".unfinished";
  const Descriptor fd(
      ::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) return std::unexpected(system_error("create", unfinished));
  const bool whole =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(fd.get()) == 0 && std::rename(unfinished.c_str(), path.c_str()) == 0;
  if (whole) return sync_dir(dir);
  const crypto::Error error = system_error("write", path);
  unlink(unfinished.c_str());
  return std::unexpected(error);
}

}  // namespace dp
