// The issuers: publishing, creating, opening and removing their files. The bits are in
// issuer_use.cc.
#include "dataplane/used_set.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "crypto/base/bytes.h"
#include "dataplane/clock_mark.h"
#include "dataplane/mix.h"
#include "dataplane/state_dir.h"
#include "dataplane/used_file.h"

namespace dp {
namespace {

constexpr std::string_view kSuffix = ".used";
constexpr std::string_view kUnfinishedSuffix = ".used-unfinished";

// Marks a place whose issuer was unpublished: a search goes on behind it. Never dereferenced.
IssuerUse* const kVacated = std::bit_cast<IssuerUse*>(std::uintptr_t{1});

std::string hex16(std::uint64_t value) {
  std::string out(16, '0');
  for (std::size_t i = 0; i < 16; ++i) out[i] = "0123456789abcdef"[value >> (60 - 4 * i) & 15];
  return out;
}

// The issuer in "<16 lower-case hex digits>.used"; false for any other name.
bool parse_name(std::string_view name, ike::IssuerId& out) {
  if (name.size() != 16 + kSuffix.size() || !name.ends_with(kSuffix)) return false;
  std::uint64_t value = 0;
  for (const char c : name.substr(0, 16)) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) return false;
    value = value << 4 | digit;
  }
  out = ike::IssuerId(value);
  return true;
}

}  // namespace

crypto::Result<std::unique_ptr<UsedSet>> UsedSet::open(const std::string& dir,
                                                       std::uint64_t now_s) {
  if (auto status = check_state_dir(dir); !status) return std::unexpected(status.error());
  const auto mark = read_clock_mark(dir);
  if (!mark) return std::unexpected(mark.error());
  std::unique_ptr<UsedSet> set(new UsedSet());
  set->dir_ = dir;
  set->latest_s_ = *mark;
  if (auto status = set->raise_mark(now_s); !status) return std::unexpected(status.error());
  if (auto status = set->open_all(set->latest_s()); !status) return std::unexpected(status.error());
  return set;
}

crypto::Status UsedSet::raise_mark(std::uint64_t now_s) {
  if (now_s <= latest_s()) return {};
  if (auto status = write_clock_mark(dir_, now_s); !status) return status;
  latest_s_.store(now_s, std::memory_order_relaxed);
  return {};
}

UsedSet::~UsedSet() = default;

crypto::Status UsedSet::open_all(std::uint64_t now_s) {
  DIR* listing = opendir(dir_.c_str());
  if (listing == nullptr) return std::unexpected(system_error("list", dir_));
  std::vector<std::string> names;
  while (const dirent* entry = readdir(listing)) names.emplace_back(entry->d_name);
  closedir(listing);

  for (const std::string& name : names) {
    const std::string path = dir_ + "/" + name;
    if (name.ends_with(kUnfinishedSuffix)) {
      if (unlink(path.c_str()) != 0 && errno != ENOENT)
        return std::unexpected(system_error("remove", path));
      continue;
    }
    if (!name.ends_with(kSuffix)) continue;
    ike::IssuerId issuer;
    if (!parse_name(name, issuer))
      return crypto::fail(path + " is not named like a used-set (16 hex digits" +
                          std::string(kSuffix) + "): move it away");
    auto use = map_file(path, issuer);
    if (!use) return std::unexpected(use.error());
    if (is_past((*use)->valid_until_s(), now_s)) {
      if (unlink(path.c_str()) != 0) return std::unexpected(system_error("remove", path));
      continue;
    }
    if (owned_.size() == kIssuersMax)
      return crypto::fail(dir_ + " holds more than " + std::to_string(kIssuersMax) +
                          " issuers that have not expired");
    publish(use->get());
    owned_.push_back(std::move(*use));
  }
  return {};
}

IssuerUse* UsedSet::find(ike::IssuerId issuer) const {
  for (std::size_t place = used_place(issuer, kPlaces);; place = (place + 1) % kPlaces) {
    IssuerUse* use = published_[place].load(std::memory_order_acquire);
    if (use == nullptr) return nullptr;
    if (use != kVacated && use->issuer() == issuer) return use;
  }
}

crypto::Result<IssuerUse*> UsedSet::create(ike::IssuerId issuer, std::uint64_t capacity,
                                           std::uint64_t valid_until_s) {
  const auto same = [&](const auto& use) { return use->issuer() == issuer; };
  if (IssuerUse* known = find(issuer)) {
    known->extend_validity(valid_until_s);
    return known;
  }
  if (owned_.size() + retired_.size() >= kIssuersMax)
    return crypto::fail("no room for another issuer: " + std::to_string(kIssuersMax) +
                        " have tickets that have not expired");
  std::unique_ptr<IssuerUse> use;
  if (const auto it = std::ranges::find_if(retired_, same); it != retired_.end()) {
    use = std::move(*it);  // Its file is still there, and so are its bits.
    retired_.erase(it);
  } else {
    const std::string path = path_of(issuer);
    if (access(path.c_str(), F_OK) != 0)
      if (auto made = make_file(issuer, capacity, valid_until_s); !made)
        return std::unexpected(made.error());
    auto mapped = map_file(path, issuer);
    if (!mapped) return std::unexpected(mapped.error());
    use = std::move(*mapped);
  }
  use->extend_validity(valid_until_s);
  publish(use.get());
  owned_.push_back(std::move(use));
  return owned_.back().get();
}

crypto::Result<std::size_t> UsedSet::sweep(std::uint64_t now_s) {
  if (auto status = raise_mark(now_s); !status) return std::unexpected(status.error());
  now_s = latest_s();
  std::size_t removed = 0;
  for (std::unique_ptr<IssuerUse>& use : std::exchange(retired_, {})) {
    // A worker that still held it may have extended it.
    if (!is_past(use->valid_until_s(), now_s)) {
      publish(use.get());
      owned_.push_back(std::move(use));
    } else if (unlink(path_of(use->issuer()).c_str()) == 0 || errno == ENOENT) {
      ++removed;
    } else {
      retired_.push_back(std::move(use));  // Tried again at the next sweep.
    }
  }
  for (auto it = owned_.begin(); it != owned_.end();) {
    if (!is_past((*it)->valid_until_s(), now_s)) {
      ++it;
      continue;
    }
    unpublish(it->get());
    retired_.push_back(std::move(*it));
    it = owned_.erase(it);
  }
  return removed;
}

crypto::Status UsedSet::flush() {
  for (const auto& use : owned_)
    if (msync(use->file_, use->file_len_, MS_SYNC) != 0)
      return std::unexpected(system_error("write", path_of(use->issuer())));
  return {};
}

// Whole under another name first; rename makes it appear at once, and refuses to replace one that a
// second process made meanwhile.
crypto::Status UsedSet::make_file(ike::IssuerId issuer, std::uint64_t capacity,
                                  std::uint64_t valid_until_s) const {
  if (capacity == 0 || capacity % 64 != 0 || capacity > kIssuerCapacity)
    return crypto::fail("an issuer cannot have " + std::to_string(capacity) + " tickets");
  const std::string unfinished = dir_ + "/" + hex16(issuer.value()) + "-" +
                                 std::to_string(getpid()) + std::string(kUnfinishedSuffix);
  const Descriptor fd(
      ::open(unfinished.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.ok()) return std::unexpected(system_error("create", unfinished));

  const UsedHeader header = write_used_header({issuer, capacity, valid_until_s});
  const int reserved = posix_fallocate(fd.get(), 0, static_cast<off_t>(used_file_len(capacity)));
  errno = reserved;
  const bool whole =
      reserved == 0 &&
      pwrite(fd.get(), header.data(), header.size(), 0) == static_cast<ssize_t>(header.size()) &&
      fsync(fd.get()) == 0 &&
      renameat2(AT_FDCWD, unfinished.c_str(), AT_FDCWD, path_of(issuer).c_str(),
                RENAME_NOREPLACE) == 0;
  if (whole) return sync_dir(dir_);
  const bool made_elsewhere = errno == EEXIST;
  const crypto::Error error = system_error("create", path_of(issuer));
  unlink(unfinished.c_str());
  if (made_elsewhere) return {};
  return std::unexpected(error);
}

crypto::Result<std::unique_ptr<IssuerUse>> UsedSet::map_file(const std::string& path,
                                                             ike::IssuerId issuer) const {
  const Descriptor fd(::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC));
  struct stat st;
  if (!fd.ok() || fstat(fd.get(), &st) != 0) return std::unexpected(system_error("open", path));
  UsedHeader octets{};
  UsedFields fields;
  const bool readable =
      S_ISREG(st.st_mode) &&
      pread(fd.get(), octets.data(), octets.size(), 0) == static_cast<ssize_t>(octets.size()) &&
      parse_used_header(octets, fields);
  if (!readable || fields.issuer != issuer ||
      static_cast<std::uint64_t>(st.st_size) != used_file_len(fields.capacity))
    return crypto::fail(
        path + " is damaged or not a used-set (" + std::to_string(st.st_size) +
        " octets). It says which tickets were used: restore it, or make its tickets worthless "
        "(retire the ticket key or raise the policy generation) before you remove it");

  std::unique_ptr<IssuerUse> use(new IssuerUse());
  use->issuer_ = issuer;
  use->capacity_ = fields.capacity;
  const auto len = static_cast<std::size_t>(st.st_size);
  void* file = mmap(nullptr, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (file == MAP_FAILED) return std::unexpected(system_error("map", path));
  use->file_ = static_cast<std::uint8_t*>(file);
  use->file_len_ = len;
  void* entered = mmap(nullptr, fields.capacity / 4, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (entered == MAP_FAILED) return std::unexpected(system_error("map memory for", path));
  use->entered_ = static_cast<std::uint8_t*>(entered);
  use->entered_len_ = fields.capacity / 4;
  return use;
}

std::string UsedSet::path_of(ike::IssuerId issuer) const {
  return dir_ + "/" + hex16(issuer.value()) + std::string(kSuffix);
}

void UsedSet::publish(IssuerUse* use) {
  std::size_t place = used_place(use->issuer(), kPlaces);
  for (;; place = (place + 1) % kPlaces) {
    const IssuerUse* there = published_[place].load(std::memory_order_relaxed);
    if (there == nullptr || there == kVacated) break;
  }
  published_[place].store(use, std::memory_order_release);
}

void UsedSet::unpublish(const IssuerUse* use) {
  std::size_t place = used_place(use->issuer(), kPlaces);
  while (published_[place].load(std::memory_order_relaxed) != use) place = (place + 1) % kPlaces;
  published_[place].store(kVacated, std::memory_order_release);
  // Vacated places at the end of a run lead nowhere: they become empty again, from the last one on,
  // so that years of issuers do not make searches long.
  if (published_[(place + 1) % kPlaces].load(std::memory_order_relaxed) != nullptr) return;
  while (published_[place].load(std::memory_order_relaxed) == kVacated) {
    published_[place].store(nullptr, std::memory_order_release);
    place = (place + kPlaces - 1) % kPlaces;
  }
}

}  // namespace dp
