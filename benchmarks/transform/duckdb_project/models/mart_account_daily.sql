{{ mart(['account']) }}
