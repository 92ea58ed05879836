{{ mart([]) }}
