// ReportDesk: questions to workers about their SAs, and whose answer it is that comes.
//
// A worker is asked one question at a time; the others wait in their order. What is not answered is
// asked again, because a worker whose ring is full says nothing, and given up after kReportMs.
// Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "controlplane/workers.h"

namespace cp {

inline constexpr std::uint64_t kReportMs = 2000;
inline constexpr std::uint64_t kReportAgainMs = 250;

class ReportDesk {
 public:
  explicit ReportDesk(Workers& workers) : workers_(workers), waiting_(workers.worker_count()) {}

  // Called once, from receive() or serve(); with null when the worker did not answer in time. It
  // may ask the next question.
  using Answered = std::function<void(const dp::Report*)>;
  // Returns the number of the question. The one in `question` is set here.
  std::uint64_t ask(unsigned worker, dp::OrderKind kind, const dp::Question& question,
                    Answered answered);
  // Nobody wants to know any more; `answered` is not called.
  void forget(std::uint64_t number);
  // A letter of this worker says that a report is there.
  void receive(unsigned worker);
  // What is due; called in every round.
  void serve(std::uint64_t now_ms);
  std::size_t waiting() const;

 private:
  struct Asked {
    dp::OrderKind kind;
    dp::Question question;
    Answered answered;
    std::uint64_t since_ms;
    std::uint64_t sent_ms = 0;  // 0 = not yet
  };
  void send_first(unsigned worker);
  Asked take_first(unsigned worker);

  Workers& workers_;
  std::vector<std::deque<Asked>> waiting_;  // by worker; the first was sent
  std::uint64_t last_number_ = 0;
  std::uint64_t now_ms_ = 1;
};

}  // namespace cp
