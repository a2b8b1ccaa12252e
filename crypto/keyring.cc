// The ticket keys and their file.
//
//   resurge-keyring 1                                    what this is, and the version
//   # a comment; empty lines are allowed too
//   key 5f0c11e9 next     1760000000 0          <64 hexadecimal digits>
//   key 1a2b3c4d current  1759900000 0          <64 hexadecimal digits>
//   key 77e01b02 previous 1759800000 1760086400 <64 hexadecimal digits>
//       |        |        |          |          |
//       id       |        created    retires    secret
//                generation          (Unix seconds; 0 = not set)
//   end 3                                                number of keys: shows that nothing is cut
//   off
//
// Fields are parted by one or more spaces, hexadecimal digits are lower case, numbers have no
// leading zeroes, every line ends with a line feed. Everything else is refused with the number of
// the line.
#include "crypto/keyring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <utility>

#include "crypto/random.h"

namespace crypto {
namespace {

constexpr std::string_view kFirstLine = "resurge-keyring 1";
constexpr std::size_t kFileLenMax = 4096;
constexpr std::size_t kHexLen = 2 * kTicketKeyLen;
constexpr std::array kGenerations = {Generation::next, Generation::current, Generation::previous};

TicketKey draw_key(Generation generation, std::uint64_t now_s,
                   const std::vector<TicketKey>& others) {
  Random random;
  TicketKey key;
  const auto taken = [&] {
    return key.id.value() == 0 ||
           std::ranges::any_of(others, [&](const TicketKey& k) { return k.id == key.id; });
  };
  while (taken()) key.id = TicketKeyId(random.u32());
  key.generation = generation;
  key.created_s = now_s;
  random.fill(key.secret.fill());
  return key;
}

// The next field of a line; empty at its end.
std::string_view next_field(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  const std::string_view field = line.substr(0, line.find(' '));
  line.remove_prefix(field.size());
  return field;
}

template <class T>
bool parse_number(std::string_view field, int base, T& out) {
  const char* const end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, out, base);
  return !field.empty() && error == std::errc() && stop == end;
}

bool parse_decimal(std::string_view field, std::uint64_t& out) {
  const bool leading_zero = field.size() > 1 && field[0] == '0';
  return !leading_zero && parse_number(field, 10, out);
}

bool is_lower_hex(std::string_view field) {
  return field.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool parse_secret(std::string_view field, Secret<kTicketKeyLen>& out) {
  if (field.size() != kHexLen || !is_lower_hex(field)) return false;
  for (std::size_t i = 0; i < kTicketKeyLen; ++i)
    if (!parse_number(field.substr(2 * i, 2), 16, out.fill()[i])) return false;
  return true;
}

// Null, or what is wrong with the fields behind the word "key".
const char* parse_key(std::string_view line, TicketKey& key) {
  const std::string_view id = next_field(line);
  std::uint32_t id_value = 0;
  if (id.size() != 8 || !is_lower_hex(id) || !parse_number(id, 16, id_value) || id_value == 0)
    return "the key id is not eight hexadecimal digits other than 00000000";
  key.id = TicketKeyId(id_value);
  const std::string_view name = next_field(line);
  const auto* generation =
      std::ranges::find_if(kGenerations, [&](Generation g) { return name == generation_name(g); });
  if (generation == kGenerations.end()) return "the generation is not next, current or previous";
  key.generation = *generation;
  if (!parse_decimal(next_field(line), key.created_s)) return "the time of creation is no number";
  if (!parse_decimal(next_field(line), key.retires_s)) return "the time of retiring is no number";
  if (key.retires_s != 0 && key.generation != Generation::previous)
    return "only a previous key has a time of retiring";
  if (!parse_secret(next_field(line), key.secret)) return "the secret is not 64 hexadecimal digits";
  if (!next_field(line).empty()) return "there is something behind the secret";
  return nullptr;
}

// Null, or why `key` cannot stand beside `others`.
const char* conflict(const TicketKey& key, const std::vector<TicketKey>& others) {
  if (others.size() == kSnapshotKeysMax) return "there are more than 8 keys";
  for (const TicketKey& other : others) {
    if (other.id == key.id) return "the key id is used twice";
    if (other.generation != key.generation) continue;
    if (key.generation == Generation::current) return "there are two current keys";
    if (key.generation == Generation::next) return "there are two next keys";
  }
  return nullptr;
}

std::unexpected<Error> fail_line(std::size_t line, const char* why) {
  return fail(std::string("keyring line ").append(std::to_string(line)) + ": " + why);
}

std::unexpected<Error> fail_errno(const std::string& what, const std::string& path, int error) {
  return fail("cannot " + what + " " + path + ": " + strerrordesc_np(error));
}

// Closes on every way out.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }
  // For writers, who must know whether it went well.
  bool close() { return ::close(std::exchange(fd_, -1)) == 0; }

 private:
  int fd_;
};

using Text = Secret<kFileLenMax>;

// A small text that is wiped with its buffer. The caller's sizes are bounded by kSnapshotKeysMax.
class TextWriter {
 public:
  explicit TextWriter(Text& text) : writer_(text.fill()) {}
  void text(std::string_view s) {
    for (const char c : s) writer_.u8(static_cast<std::uint8_t>(c));
  }
  void hex(std::uint64_t v, int digits) {
    for (int i = digits - 1; i >= 0; --i) text({&"0123456789abcdef"[(v >> (4 * i)) & 15], 1});
  }
  Bytes written() {
    CHECK(writer_.ok());
    return writer_.written();
  }

 private:
  ByteWriter writer_;
};

Bytes format(const std::vector<TicketKey>& keys, Text& buffer) {
  TextWriter out(buffer);
  out.text(kFirstLine);
  out.text("\n# id, generation, created, retires (Unix seconds), secret. Keep this file secret.\n");
  for (const TicketKey& key : keys) {
    out.text("key ");
    out.hex(key.id.value(), 8);
    out.text(" ");
    out.text(generation_name(key.generation));
    for (const std::uint64_t time_s : {key.created_s, key.retires_s}) {
      out.text(" ");
      out.text(std::to_string(time_s));
    }
    out.text(" ");
    for (const std::uint8_t octet : key.secret.reveal()) out.hex(octet, 2);
    out.text("\n");
  }
  out.text("end ");
  out.text(std::to_string(keys.size()));
  out.text("\n");
  return out.written();
}

bool write_all(int fd, Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

// Octets read, at most buffer.size(); nothing when reading fails.
std::optional<std::size_t> read_all(int fd, MutBytes buffer) {
  std::size_t len = 0;
  while (len < buffer.size()) {
    const ssize_t got = ::read(fd, buffer.data() + len, buffer.size() - len);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::nullopt;
    if (got == 0) break;
    len += static_cast<std::size_t>(got);
  }
  return len;
}

Status check_file(int fd, const std::string& path) {
  struct stat st {};
  if (fstat(fd, &st) != 0) return fail_errno("examine", path, errno);
  if (!S_ISREG(st.st_mode)) return fail(path + " is not a regular file");
  if (st.st_uid != geteuid())
    return fail(path + " belongs to another user: change the owner to the user of the gateway");
  if ((st.st_mode & 077) != 0)
    return fail(path + " is open to group or others: run chmod 600 on it, and rotate the keys");
  return {};
}

// The new name of the file must be on the disk too.
Status sync_folder(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder =
      slash == std::string::npos ? "." : path.substr(0, std::max<std::size_t>(slash, 1));
  const File file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.fd() < 0 || fsync(file.fd()) != 0) return fail_errno("sync the folder", folder, errno);
  return {};
}

}  // namespace

const char* generation_name(Generation g) {
  switch (g) {
    case Generation::next:
      return "next";
    case Generation::current:
      return "current";
    case Generation::previous:
      return "previous";
  }
  std::unreachable();
}

Keyring Keyring::create(std::uint64_t now_s) {
  Keyring ring;
  ring.keys_.push_back(draw_key(Generation::next, now_s, ring.keys_));
  ring.keys_.push_back(draw_key(Generation::current, now_s, ring.keys_));
  return ring;
}

Result<Keyring> Keyring::parse(std::string_view text) {
  Keyring ring;
  bool started = false;
  bool ended = false;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t len = text.find('\n');
    if (len == std::string_view::npos) return fail_line(number, "the line has no end: a cut file?");
    std::string_view line = text.substr(0, len);
    text.remove_prefix(len + 1);
    if (!started) {
      if (line != kFirstLine) return fail_line(number, "this is no keyring of version 1");
      started = true;
      continue;
    }
    if (line.empty() || line[0] == '#') continue;
    if (ended) return fail_line(number, "there is something behind the end");
    const std::string_view word = next_field(line);
    if (word == "key") {
      TicketKey key;
      if (const char* why = parse_key(line, key)) return fail_line(number, why);
      if (const char* why = conflict(key, ring.keys_)) return fail_line(number, why);
      ring.keys_.push_back(std::move(key));
    } else if (word == "end") {
      std::uint64_t count = 0;
      if (!parse_decimal(next_field(line), count) || !next_field(line).empty() ||
          count != ring.keys_.size())
        return fail_line(number, "the number of keys is wrong");
      ended = true;
    } else {
      return fail_line(number, "the line does not begin with key or end");
    }
  }
  if (!ended) return fail("the keyring has no end line: a cut file?");
  if (std::ranges::none_of(ring.keys_,
                           [](const TicketKey& k) { return k.generation == Generation::current; }))
    return fail("the keyring has no current key");
  return ring;
}

Result<Keyring> Keyring::load(const std::string& path) {
  // O_NONBLOCK: a FIFO in the place of the file must not stop us before we can refuse it.
  const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (file.fd() < 0) {
    if (errno == ELOOP) return fail(path + " is a symbolic link: name the file itself");
    return fail_errno("open", path, errno);
  }
  if (Status status = check_file(file.fd(), path); !status) return std::unexpected(status.error());
  Text text;
  const std::optional<std::size_t> len = read_all(file.fd(), text.fill());
  if (!len) return fail_errno("read", path, errno);
  if (*len == kFileLenMax) return fail(path + " is too long for a keyring");
  const auto* const chars =
      static_cast<const char*>(static_cast<const void*>(text.reveal().data()));
  Result<Keyring> ring = parse({chars, *len});
  if (!ring) return fail(path + ": " + ring.error().text);
  return ring;
}

Status Keyring::save(const std::string& path) const {
  std::string temporary = path + ".XXXXXX";
  File file(mkostemp(temporary.data(), O_CLOEXEC));  // O_EXCL and mode 0600 are in it
  if (file.fd() < 0) return fail_errno("create a file beside", path, errno);
  Text buffer;
  const Bytes text = format(keys_, buffer);
  const bool written = write_all(file.fd(), text) && fsync(file.fd()) == 0 && file.close() &&
                       ::rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) {
    const int error = errno;
    ::unlink(temporary.c_str());
    return fail_errno("write", path, error);
  }
  return sync_folder(path);
}

void Keyring::rotate(std::uint64_t now_s, std::uint64_t accept_s) {
  std::erase_if(keys_, [now_s](const TicketKey& k) {
    return k.generation == Generation::previous && k.retires_s != 0 && k.retires_s <= now_s;
  });
  const bool has_next = std::ranges::any_of(
      keys_, [](const TicketKey& k) { return k.generation == Generation::next; });
  if (!has_next) keys_.insert(keys_.begin(), draw_key(Generation::next, now_s, keys_));
  for (TicketKey& key : keys_) {
    if (key.generation == Generation::current) {
      key.generation = Generation::previous;
      key.retires_s = now_s + accept_s;
    } else if (key.generation == Generation::next) {
      key.generation = Generation::current;
    }
  }
  keys_.insert(keys_.begin(), draw_key(Generation::next, now_s, keys_));
  while (keys_.size() > kSnapshotKeysMax) {
    const auto by_age = [](const TicketKey& a, const TicketKey& b) {
      const auto rank = [](const TicketKey& k) { return k.generation != Generation::previous; };
      return std::pair(rank(a), a.retires_s) < std::pair(rank(b), b.retires_s);
    };
    keys_.erase(std::ranges::min_element(keys_, by_age));
  }
}

Status Keyring::revoke(TicketKeyId id) {
  const auto key = std::ranges::find(keys_, id, &TicketKey::id);
  if (key == keys_.end()) return fail("there is no such key in the keyring");
  if (key->generation == Generation::current)
    return fail("this is the current key: rotate first, then revoke it");
  keys_.erase(key);
  return {};
}

KeyringSnapshot Keyring::snapshot() const {
  CHECK(keys_.size() <= kSnapshotKeysMax);
  KeyringSnapshot snapshot;
  for (const TicketKey& key : keys_) {
    if (key.generation == Generation::current) snapshot.current = snapshot.key_count;
    snapshot.keys[snapshot.key_count++] = {key.id, key.generation, key.created_s, key.retires_s,
                                           Secret<kTicketKeyLen>(key.secret.reveal())};
  }
  return snapshot;
}

const TicketKey& Keyring::current() const {
  const auto key = std::ranges::find(keys_, Generation::current, &TicketKey::generation);
  CHECK(key != keys_.end());
  return *key;
}

}  // namespace crypto
