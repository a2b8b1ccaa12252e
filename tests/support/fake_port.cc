// Queues of the pretended device, and the book-keeping that proves conservation.
#include "tests/support/fake_port.h"

#include <cstring>

#include "crypto/base/error.h"

namespace dp {

FakePort::FakePort(unsigned buffer_count, unsigned long_buffers)
    : buffers_(buffer_count + long_buffers), workers_{this} {
  free_.reserve(buffer_count);
  long_free_.reserve(long_buffers);
  for (Buffer& b : buffers_) {
    const bool is_long = free_.size() == buffer_count;
    b.home = is_long ? &long_free_ : &free_;
    b.len = is_long ? kLongFrameLen : kBufferLen;
    b.octets = std::make_unique<std::uint8_t[]>(kHeadroom + b.len);
    b.home->push_back(&b);
  }
}

FakePort::~FakePort() = default;

void FakePort::connect(const std::vector<FakePort*>& ports) {
  for (FakePort* port : ports) port->workers_ = ports;
}

FakePort::Buffer* FakePort::take_buffer(std::vector<Buffer*>& free) {
  if (free.empty()) return nullptr;
  Buffer* b = free.back();
  free.pop_back();
  b->frame = {.data = b->octets.get() + kHeadroom,
              .len = 0,
              .capacity = static_cast<std::uint32_t>(b->len),
              .headroom = kHeadroom,
              .buffer = b};
  return b;
}

void FakePort::free_buffer(Buffer* b) {
  b->place = Place::free;
  b->home->push_back(b);
}

bool FakePort::inject(crypto::Bytes octets, Marks marks) {
  Buffer* b = octets.size() <= kBufferLen ? take_buffer(free_) : nullptr;
  if (b == nullptr) {
    ++counts_.inject_failed;
    return false;
  }
  if (!octets.empty()) std::memcpy(b->frame.data, octets.data(), octets.size());
  b->frame.len = static_cast<std::uint32_t>(octets.size());
  b->frame.ip_checksum_good = marks.ip_good;
  b->frame.ip_checksum_bad = marks.ip_bad;
  b->frame.l4_checksum_good = marks.l4_good;
  b->frame.l4_checksum_bad = marks.l4_bad;
  b->place = Place::waiting;
  device_queue_.push_back(b);
  ++counts_.injected;
  return true;
}

unsigned FakePort::receive_from(std::deque<Buffer*>& queue, std::span<Frame> frames) {
  unsigned count = 0;
  for (; count < frames.size() && !queue.empty(); ++count) {
    Buffer* b = queue.front();
    queue.pop_front();
    b->place = Place::held;
    b->holder = this;
    frames[count] = b->frame;
  }
  held_ += count;
  counts_.received += count;
  return count;
}

unsigned FakePort::receive(std::span<Frame> frames) {
  const unsigned count = receive_from(worker_queue_, frames);
  return count + receive_from(device_queue_, frames.subspan(count));
}

unsigned FakePort::allocate(std::span<Frame> frames) { return allocate_from(free_, frames); }

unsigned FakePort::allocate_long(std::span<Frame> frames) {
  return allocate_from(long_free_, frames);
}

unsigned FakePort::allocate_from(std::vector<Buffer*>& free, std::span<Frame> frames) {
  unsigned count = 0;
  for (; count < frames.size(); ++count) {
    Buffer* b = take_buffer(free);
    if (b == nullptr) break;
    b->place = Place::held;
    b->holder = this;
    frames[count] = b->frame;
  }
  held_ += count;
  counts_.allocated += count;
  return count;
}

FakePort::Buffer* FakePort::take_back(const Frame& frame, Place to) {
  auto* b = static_cast<Buffer*>(frame.buffer);
  CHECK(b != nullptr);
  CHECK(b->place == Place::held);  // else it was given back twice
  if (b->holder != this) {
    CHECK(partner_ != nullptr && b->holder == partner_);
    --partner_->held_;
    ++partner_->counts_.crossed_out;
    ++held_;
    ++counts_.crossed_in;
    b->holder = this;
  }
  const std::uint8_t* end = b->octets.get() + kHeadroom + b->len;
  CHECK(frame.data >= b->octets.get() && frame.data <= end);
  CHECK(frame.capacity <= static_cast<std::size_t>(end - frame.data));
  CHECK(frame.len <= frame.capacity);
  b->place = to;
  --held_;
  return b;
}

unsigned FakePort::transmit(std::span<const Frame> frames) {
  unsigned taken = 0;
  for (const Frame& frame : frames) {
    Buffer* b = take_back(frame, Place::sent);
    if (transmit_room_ == 0) {
      free_buffer(b);
      ++counts_.transmit_lost;
      continue;
    }
    if (transmit_room_ != kUnlimited) --transmit_room_;
    b->frame = frame;
    b->sent_offset = static_cast<std::size_t>(frame.data - b->octets.get());
    b->sent_len = frame.len;
    sent_.push_back(b);
    ++taken;
  }
  counts_.transmitted += taken;
  return taken;
}

void FakePort::release(std::span<const Frame> frames) {
  for (const Frame& frame : frames) free_buffer(take_back(frame, Place::free));
  counts_.released += frames.size();
}

bool FakePort::hand_over(unsigned worker, const Frame& frame) {
  CHECK(worker < workers_.size());
  FakePort* to = workers_[worker];
  if (to->worker_queue_.size() >= to->hand_over_room_) {
    ++counts_.hand_over_refused;
    return false;
  }
  Buffer* b = take_back(frame, Place::waiting);
  b->frame = frame;
  b->frame.handed_over = true;
  to->worker_queue_.push_back(b);
  ++counts_.handed_over;
  return true;
}

std::vector<std::vector<std::uint8_t>> FakePort::take_sent() {
  std::vector<std::vector<std::uint8_t>> frames;
  drain_sent([&](crypto::Bytes b) { frames.emplace_back(b.begin(), b.end()); });
  return frames;
}

unsigned FakePort::held() const {
  const Counts& c = counts_;
  CHECK(c.received + c.allocated + c.crossed_in ==
        c.transmitted + c.transmit_lost + c.released + c.handed_over + c.crossed_out + held_);
  return held_;
}

}  // namespace dp
